"""The pytest plug-in: nothing is imported before it is used, the cloud is marked as one likes, failures quote."""

import inspect
import re
import subprocess
import sys
from unittest.mock import Mock

import pytest

from corenova.testing import cloud, plugin, suites  # noqa: F401 - before the runs inside this one, which forget what they import

pytest_plugins = ["pytester"]
ALONE = ("-p", "no:randomly", "-p", "no:cacheprovider", "-p", "no:xdist")
HEAVY = ("numpy", "hypothesis", "sqlalchemy", "oslo_config", "oslo_messaging", "falcon", "msgspec")


def test_it_imports_nothing_of_corenova_until_it_is_used():
    """It is loaded by every pytest of an environment that has corenova."""
    program = (
        "import pytest, sys; before = set(sys.modules); import corenova.testing.plugin; "
        f"print(*[name for name in {HEAVY} if name in sys.modules], len(set(sys.modules) - before))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["3"], "corenova, corenova.testing and the plug-in: three files with little in them"


def test_the_marker_names_whatever_a_cloud_may_be_given():
    config, lines = Mock(), []
    config.addinivalue_line = lambda _, line: lines.append(line)
    plugin.pytest_configure(config)
    taken = {*inspect.signature(cloud.Cloud).parameters, *inspect.signature(cloud.running).parameters}
    assert set(re.findall(r"(\w+)=", lines[0])) == taken - {"path", "arguments"}


def test_a_failure_quotes_the_contract_under_the_error(pytester):
    pytester.makepyfile("""
        from corenova.testing.suites import FilterSuite

        class NoForm:
            pass

        class TestNoForm(FilterSuite):
            plugin = NoForm

        class TestNothing(FilterSuite):
            pass

        class TestMissing(FilterSuite):
            plugin = "MoonFilter"

        def test_of_their_own():
            assert 0
    """)
    done = pytester.runpytest_inprocess(*ALONE, "-k", "offers_a_form or own")
    done.assert_outcomes(failed=4)
    done.stdout.fnmatch_lines(
        [
            "*AssertionError: it has neither host_passes nor mask*",
            "*what the contract says*",
            "corenova/contracts/filter.py:1 corenova.contracts.filter:",
            "    The filter contract: may this host take this request?",
            "corenova/contracts/filter.py:* ScalarFilter:",
            "*TestNothing names no plug-in: plugin = the name of an entry point, or a class",
            "*enabled_filters names MoonFilter, which no installed distribution offers*",
        ]
    )


def test_a_cloud_is_made_as_its_marker_says_and_audited(pytester):
    pytester.makepyfile("""
        import pytest
        from corenova.contracts.hooks import hookimpl

        class OnlyThird:
            def host_passes(self, host_state, spec):
                return host_state.host.endswith("003")

            def reason(self, host_state, spec):
                return "It is not the third."

        class Hears:
            def __init__(self):
                self.states = []

            @hookimpl
            def state_changed(self, instance):
                self.states.append(instance.vm_state)

        @pytest.mark.cloud(filters=[OnlyThird], hooks=[Hears], ini={"fake": {"hosts": 3}})
        def test_filter_and_hook(cloud):
            uuid = cloud.create_server()
            cloud.wait_active(uuid)
            assert cloud.server(uuid).host == "fake-003"
            cloud.wait(lambda: "active" in cloud.plugin("Hears").states, what="the hook is told")
            cloud.delete_server(uuid)

        class Likes:
            def weigh(self, host_state, spec):
                return float(host_state.host == "fake-002")

        @pytest.mark.cloud(weighers=[Likes], audit=False, ini={"filter_scheduler": {"weight_classes": ""}})
        def test_weigher(cloud):
            uuid = cloud.create_server()
            cloud.wait_active(uuid)
            assert cloud.server(uuid).host == "fake-002"

        @pytest.mark.cloud(filters=[OnlyThird], ini={"fake": {"hosts": 2}})
        def test_no_and_audit(cloud):
            uuid = cloud.create_server()
            cloud.wait_error(uuid)
            assert "OnlyThird refused 2" in cloud.reason(uuid)
            with pytest.raises(AssertionError, match="is error: No valid host was found"):
                cloud.wait_active(uuid)
            cloud.db.write("test", lambda c: c.exec_driver_sql("UPDATE inventories SET used = 1"))
    """)
    done = pytester.runpytest_inprocess(*ALONE)
    done.assert_outcomes(passed=3, errors=1)
    done.stdout.fnmatch_lines(["*the invariants of corenova/audit.py do not hold*"])


@pytest.mark.cloud(ini={"fake": {"hosts": 3}})
class TestKill:
    """A service that was killed says no more, and the next one takes up what it left."""

    @pytest.mark.parametrize("name", ["conductor", "scheduler", "compute"])
    def test_it_is_taken_up_where_it_was_left(self, cloud, name):
        first = cloud.create_server()
        cloud.wait_active(first)
        cloud.kill(name)
        with cloud.passed() as points:
            second = cloud.create_server()
        assert "api.create.before" in points
        assert cloud.server(second).vm_state == "building"
        cloud.start(name)
        cloud.wait_active(first, second)

    def test_messages_are_lost_by_name(self, cloud):
        with cloud.faults(drop=1.0, only=["schedule_and_build_instances"]) as plan:
            uuid = cloud.create_server()
        assert plan.injected == {"drop": 1}
        cloud.wait_active(uuid)  # by the sweeper
