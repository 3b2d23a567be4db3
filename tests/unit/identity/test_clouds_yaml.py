"""The file that tells clients how to get in."""

import stat
import threading

import pytest
import yaml
from oslo_config import cfg

from corenova import conf as options
from corenova.cmd import clouds_yaml
from corenova.db import identity as rows
from corenova.db import schema
from corenova.db.engine import Database
from corenova.exceptions import ConfigurationError
from corenova.identity import passwords

URL = "http://127.0.0.1:8774"


@pytest.fixture
def db(tmp_path):
    db = Database(f"sqlite:///{tmp_path}/db")
    schema.metadata.create_all(db.raw_writer())
    yield db
    db.close()


@pytest.fixture
def conf(tmp_path):
    conf = cfg.ConfigOpts()
    options.register(conf)
    conf([], default_config_files=[])
    conf.set_override("state_path", str(tmp_path / "state"))
    return conf


def _read(path):
    return yaml.safe_load(path.read_text())["clouds"]


def _assert_true(db, path):
    """The passwords in the file are those of the users."""
    for cloud in ("corenova", "corenova-admin"):
        auth = _read(path)[cloud]["auth"]
        [user] = db.read(lambda connection, auth=auth: rows.find(connection, rows.User, name=auth["username"]))
        assert passwords.matches(auth["password"], user.password_hash), cloud


def test_the_first_start(db, conf):
    path = clouds_yaml.publish(db, conf, URL)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    cloud = _read(path)["corenova-admin"]
    assert cloud["auth"].pop("password")
    assert cloud == {
        "region_name": "RegionOne",
        "identity_api_version": 3,
        "auth": {
            "auth_url": f"{URL}/v3",
            "username": "admin",
            "project_name": "admin",
            "user_domain_name": "Default",
            "project_domain_name": "Default",
        },
    }
    assert _read(path)["corenova"]["auth"]["username"] == "demo"
    _assert_true(db, path)


def test_a_start_that_changes_nothing_leaves_the_file_alone(db, conf):
    path = clouds_yaml.publish(db, conf, URL)
    path.write_text(path.read_text() + "# a remark\n")
    before = path.stat()
    clouds_yaml.publish(db, conf, URL)
    assert (path.stat().st_ino, path.stat().st_mtime_ns) == (before.st_ino, before.st_mtime_ns)


def test_a_new_port_keeps_passwords_and_what_was_added(db, conf):
    path = clouds_yaml.publish(db, conf, URL)
    content = yaml.safe_load(path.read_text())
    content["cache"] = {"expiration_time": 5}
    content["clouds"]["other"] = {"auth": {"auth_url": "http://elsewhere"}}
    content["clouds"]["corenova"]["compute_api_version"] = "2.96"
    path.write_text(yaml.safe_dump(content))
    clouds_yaml.publish(db, conf, "http://127.0.0.1:9999")
    for cloud in ("corenova", "corenova-admin"):
        content["clouds"][cloud]["auth"]["auth_url"] = "http://127.0.0.1:9999/v3"
    assert yaml.safe_load(path.read_text()) == content
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    _assert_true(db, path)


def test_a_lost_file_means_new_passwords(db, conf, caplog):
    path = clouds_yaml.publish(db, conf, URL)
    old = _read(path)
    path.unlink()
    clouds_yaml.publish(db, conf, URL)
    assert _read(path)["corenova"]["auth"]["password"] != old["corenova"]["auth"]["password"]
    assert "new ones are set" in caplog.text
    assert all(cloud["auth"]["password"] not in caplog.text for cloud in _read(path).values())
    _assert_true(db, path)


def test_a_file_of_an_earlier_deployment_gets_the_new_passwords(db, conf, tmp_path):
    state = tmp_path / "state"
    state.mkdir()
    (state / "clouds.yaml").write_text("clouds: {corenova: {verify: false, auth: {username: demo, password: old}}}")
    path = clouds_yaml.publish(db, conf, URL)
    assert _read(path)["corenova"]["verify"] is False
    _assert_true(db, path)


def test_a_cloud_that_was_given_to_another_user_stays(db, conf):
    path = clouds_yaml.publish(db, conf, URL)
    content = yaml.safe_load(path.read_text())
    content["clouds"]["corenova"]["auth"] = {"username": "rosa", "auth_url": f"{URL}/v3", "password": "hers"}
    path.write_text(yaml.safe_dump(content))
    clouds_yaml.publish(db, conf, URL)
    assert _read(path)["corenova"]["auth"]["password"] == "hers"


@pytest.mark.parametrize("content", ["{", "- a list", "clouds: 5"])
def test_a_broken_file_stops_the_start_and_stays(db, conf, content):
    path = clouds_yaml.publish(db, conf, URL)
    path.write_text(content)
    with pytest.raises(ConfigurationError, match="mend it or move it away"):
        clouds_yaml.publish(db, conf, URL)
    assert path.read_text() == content


def test_a_second_host_on_a_shared_server_locks_nobody_out(db, conf, tmp_path, monkeypatch, caplog):
    monkeypatch.setattr(db, "is_sqlite", False)
    path = clouds_yaml.publish(db, conf, URL)
    conf.set_override("state_path", str(tmp_path / "other"))
    assert not clouds_yaml.publish(db, conf, URL).exists()
    assert "started first" in caplog.text
    _assert_true(db, path)


def test_several_processes_start_at_once(db, conf):
    threads = [threading.Thread(target=clouds_yaml.publish, args=(db, conf, URL)) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    _assert_true(db, clouds_yaml.publish(db, conf, URL))
    assert len(db.read(lambda connection: rows.find(connection, rows.User))) == 2
