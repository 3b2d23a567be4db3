"""clouds.yaml: what makes ``openstack --os-cloud corenova`` work after the first start, without a word of setup.

The file below state_path is the only place where the generated passwords stand in plain text. Later starts read it
back and write it only when something in it is no longer true; what an operator has added to it stays.
"""

import copy
import fcntl
import logging
import os
import pathlib
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager

import yaml
from oslo_config import cfg

from corenova.db import deployment
from corenova.db.engine import Database
from corenova.exceptions import ConfigurationError
from corenova.identity import seed

LOG = logging.getLogger(__name__)
FILE_NAME = "clouds.yaml"
CLOUDS = {"corenova": ("demo", "demo"), "corenova-admin": ("admin", "admin")}
"""The clouds that are ours in the file: user and project."""
_KEEPER = "clouds_yaml_keeper"


def publish(db: Database, conf: cfg.ConfigOpts, base_url: str) -> pathlib.Path:
    """Seed the identity service when it is empty, see to it that clouds.yaml lets its users in, and return its path.

    :param base_url: scheme, host and port of the API, see :func:`corenova.identity.catalog.base_url`.
    :raises ConfigurationError: state_path cannot be written, or the file is there and is no YAML; it stays as it is.
    """
    path = pathlib.Path(conf.state_path).absolute() / FILE_NAME
    try:
        # Between the commit of new passwords and the file that tells them, nobody else may think the file is missing.
        with _alone(path.parent):
            old = _read(path)
            new = _merged(old, _new_passwords(db, old, f"{conf.host}:{path}", path), f"{base_url}/v3", conf.api.region)
            if new != old:
                _write(path, new)
                LOG.info("Wrote %s", path)
    except OSError as error:
        raise ConfigurationError(f"[DEFAULT] state_path = {conf.state_path} cannot be used: {error}.") from error
    return path


def _new_passwords(db: Database, content: dict, me: str, path: pathlib.Path) -> dict[str, str]:
    """The passwords that the file does not tell yet: of the first start, or new ones for those that it has lost."""
    credentials = seed.seed(db)
    if credentials is not None:
        _is_keeper(db, me)
        return credentials.passwords
    missing = tuple(user for cloud, (user, _) in CLOUDS.items() if _is_lost(_auth_of(content, cloud), user))
    if not missing:
        return {}
    if not _is_keeper(db, me):
        LOG.warning("%s tells no password of %s: look at the API host that was started first", path, ", ".join(missing))
        return {}
    LOG.warning("%s tells no password of %s: new ones are set", path, ", ".join(missing))
    return seed.reset_passwords(db, missing).passwords


def _is_lost(auth: dict, user: str) -> bool:
    """Whether an entry ought to tell the password of ``user``; not when an operator has made it another user's."""
    return auth.get("username", user) == user and "password" not in auth


def _is_keeper(db: Database, me: str) -> bool:
    """Whether it is this process's file that keeps the passwords; the first to ask becomes the keeper.

    Machines can share a database server, and each has a state_path of its own: the second one must not lock out the
    users of the first. A SQLite database is used from one machine.
    """
    return db.is_sqlite or db.write("clouds_yaml.keeper", lambda conn: deployment.settle(conn, _KEEPER, me)) == me


def _merged(old: dict, passwords: dict[str, str], auth_url: str, region: str) -> dict:
    """The content with our clouds as they must be: keys that others set, and whole clouds of others, stay."""
    clouds = copy.deepcopy(old.get("clouds", {}))
    for name, (user, project) in CLOUDS.items():
        if name not in clouds and user not in passwords:
            continue
        cloud = clouds.setdefault(name, {})
        cloud["region_name"] = region
        cloud.setdefault("identity_api_version", 3)
        auth = cloud.setdefault("auth", {})
        defaults = {
            "username": user,
            "project_name": project,
            "user_domain_name": "Default",
            "project_domain_name": "Default",
        }
        auth |= {**defaults, **auth, "auth_url": auth_url}
        if user in passwords and auth["username"] == user:
            auth["password"] = passwords[user]
    return {**old, "clouds": clouds} if clouds else old


def _auth_of(content: dict, cloud: str) -> dict:
    return content.get("clouds", {}).get(cloud, {}).get("auth", {})


def _read(path: pathlib.Path) -> dict:
    """What the file says; nothing when there is none."""
    try:
        content = yaml.safe_load(path.read_text("utf-8")) or {}
        for name in CLOUDS:
            _auth_of(content, name).keys()
    except FileNotFoundError:
        return {}
    except (yaml.YAMLError, UnicodeDecodeError, AttributeError) as error:
        raise ConfigurationError(f"{path} cannot be read as clouds.yaml: mend it or move it away. {error}") from None
    return content


def _write(path: pathlib.Path, content: dict) -> None:
    """Replace the file in one step: whoever reads it finds the old or the new one, and nobody else can read either."""
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{FILE_NAME}.")  # mode 0600
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as stream:
            stream.write("# Written by corenova, which keeps auth_url and region_name true. Yours to add to.\n")
            yaml.safe_dump(content, stream, sort_keys=False)
            stream.flush()
            os.fsync(stream.fileno())
        os.replace(temporary, path)
    except BaseException:
        os.unlink(temporary)
        raise


@contextmanager
def _alone(directory: pathlib.Path) -> Iterator[None]:
    """Hold the lock of this directory against other processes and threads."""
    directory.mkdir(parents=True, exist_ok=True)
    handle = os.open(directory / f".{FILE_NAME}.lock", os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)
