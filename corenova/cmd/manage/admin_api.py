"""What only the running services know, asked of the admin API with the credentials of the state directory.

Plain urllib: two requests need no client library, and an audit should run where nothing else does.
"""

import pathlib
import urllib.error
import urllib.request

import msgspec
import yaml
from oslo_config import cfg

from corenova.cmd.clouds_yaml import FILE_NAME
from corenova.exceptions import Unavailable
from corenova.objects.work import HostGuests

CLOUD = "corenova-admin"
_TIMEOUT_S = 30.0
"""An API asks each compute in turn and waits some seconds for those that are silent."""


class Process(msgspec.Struct, frozen=True, kw_only=True):
    """One entry of ``GET /os-processes`` (cmd/processes.py)."""

    kind: str
    address: str
    threads: int | None = None
    open_files: int | None = None
    hosts: tuple[HostGuests, ...] | None = None
    error: str | None = None


class _Endpoint(msgspec.Struct):
    interface: str
    url: str


class _Service(msgspec.Struct):
    type: str
    endpoints: list[_Endpoint]


class _Token(msgspec.Struct):
    catalog: list[_Service]


class _Login(msgspec.Struct):
    token: _Token


class _Answer(msgspec.Struct):
    processes: list[Process]


# The control plane is reached directly: a proxy for the web would not find it.
_open = urllib.request.build_opener(urllib.request.ProxyHandler({})).open


def processes(conf: cfg.ConfigOpts) -> list[Process]:
    """Return what every process of the deployment says of itself.

    :raises Unavailable: nobody can be asked; says why.
    """
    auth = _credentials(pathlib.Path(conf.state_path).absolute() / FILE_NAME)
    try:
        token, compute = _log_in(auth)
        with _ask(f"{compute}/os-processes", {"X-Auth-Token": token}) as response:
            return msgspec.json.decode(response.read(), type=_Answer).processes
    except urllib.error.HTTPError as error:
        raise Unavailable(f"the API at {auth['auth_url']} refuses to tell: {error.code} {error.reason}") from error
    except (OSError, ValueError, msgspec.MsgspecError) as error:
        cause = getattr(error, "reason", None) or error
        raise Unavailable(f"no service answers at {auth['auth_url']}: {cause}") from error


def _credentials(path: pathlib.Path) -> dict[str, str]:
    try:
        auth = yaml.safe_load(path.read_text("utf-8"))["clouds"][CLOUD]["auth"]
        return {key: auth[key] for key in ("auth_url", *_USER, *_PROJECT)}
    except OSError as error:
        raise Unavailable(f"no service answers ({path} cannot be read: {error.strerror})") from error
    except (yaml.YAMLError, UnicodeDecodeError, KeyError, TypeError) as error:
        raise Unavailable(f"{path} does not tell how cloud {CLOUD} is reached") from error


_USER = ("username", "password", "user_domain_name")
_PROJECT = ("project_name", "project_domain_name")


def _log_in(auth: dict[str, str]) -> tuple[str, str]:
    """Return a token and the URL of the compute API."""
    user = {"name": auth["username"], "password": auth["password"], "domain": {"name": auth["user_domain_name"]}}
    project = {"name": auth["project_name"], "domain": {"name": auth["project_domain_name"]}}
    identity = {"methods": ["password"], "password": {"user": user}}
    body = msgspec.json.encode({"auth": {"identity": identity, "scope": {"project": project}}})
    with _ask(f"{auth['auth_url'].rstrip('/')}/auth/tokens", {"Content-Type": "application/json"}, body) as response:
        token = response.headers["X-Subject-Token"]
        catalog = msgspec.json.decode(response.read(), type=_Login).token.catalog
    urls = [e.url for s in catalog if s.type == "compute" for e in s.endpoints if e.interface == "public"]
    if not token or not urls:
        raise ValueError("the catalog names no compute API")
    return token, urls[0].rstrip("/")


def _ask(url: str, headers: dict[str, str], body: bytes | None = None):
    if not url.startswith(("http://", "https://")):
        raise ValueError(f"{url} is no HTTP address")
    return _open(urllib.request.Request(url, body, headers), timeout=_TIMEOUT_S)
