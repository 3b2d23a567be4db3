"""What TemplateHook says and refuses, and that it keeps the contract."""

import logging
from types import SimpleNamespace

import pytest
from template_hook import TemplateHook

from corenova.testing.builders import instance, request
from corenova.testing.suites import HookSuite


class TestContract(HookSuite):
    """All that the hook contract asks of every hook plug-in."""

    plugin = TemplateHook


@pytest.mark.parametrize(("ram_mb", "refused"), [(64, False), (512, False), (513, True)])
def test_large_servers_are_refused(ram_mb, refused):
    plugin = TemplateHook()
    plugin.configure(SimpleNamespace(max_memory_mb=512))
    reason = plugin.api_create_pre(request(ram_mb=ram_mb))
    assert (reason is not None) is refused
    if refused:
        assert "may have 512 MiB" in reason


def test_a_state_is_logged(caplog):
    with caplog.at_level(logging.INFO):
        TemplateHook().state_changed(instance(), None)
    assert "templatehook:" in caplog.text
