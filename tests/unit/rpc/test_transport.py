"""How a transport is configured, and what a wrong configuration says."""

import pytest
from oslo_config import cfg

from corenova import crash
from corenova.exceptions import ConfigurationError
from corenova.rpc.transport import build_transport, register


@pytest.fixture
def conf() -> cfg.ConfigOpts:
    """A configuration of this test alone, as a service would hold it."""
    made = cfg.ConfigOpts()
    made([], default_config_files=[], default_config_dirs=[])
    return made


def test_the_default_is_one_process_and_an_own_exchange(conf):
    transport = build_transport(conf)
    assert (conf.transport_url, conf.control_exchange) == ("local://", "corenova")
    transport.cleanup()


def test_rabbit_queues_survive_a_broker_and_a_dead_broker_is_noticed(conf):
    register(conf)
    register(conf)
    rabbit = conf.oslo_messaging_rabbit
    assert (rabbit.rabbit_quorum_queue, rabbit.rabbit_transient_quorum_queue) == (True, True)
    assert rabbit.heartbeat_timeout_threshold == 20


def test_the_ini_file_wins_over_our_defaults(conf, tmp_path):
    ini = tmp_path / "corenova.conf"
    ini.write_text("[oslo_messaging_rabbit]\nheartbeat_timeout_threshold = 7\n")
    conf([], default_config_files=[str(ini)], default_config_dirs=[])
    register(conf)
    assert conf.oslo_messaging_rabbit.heartbeat_timeout_threshold == 7


@pytest.mark.parametrize(
    "url", ["nonsense", "carrier-pigeon://", "local:///x?queue_limit=many", "rabbit://me:secret@host:port/"]
)
def test_an_unusable_url_is_a_configuration_error_of_one_sentence(conf, url):
    with pytest.raises(ConfigurationError, match="names no message bus") as caught:
        build_transport(conf, url)
    assert "secret" not in str(caught.value)
    assert "\n" not in str(caught.value)


def test_every_send_passes_two_crash_points(cloud):
    seen: list[str] = []
    crash.install(seen.append)
    try:
        cloud.caller.cast("hear", word=1)
        cloud.caller.call("hear", timeout_s=5, word=2)
    finally:
        crash.install(None)
    assert seen == ["rpc.hear.before", "rpc.hear.after"] * 2
