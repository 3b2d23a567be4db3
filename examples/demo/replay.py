"""The requests: a sample of a real trace, sent through the HTTP API with openstacksdk, several at a time."""

import csv
import queue
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from cloud import Cloud, CloudError
from openstack.connection import Connection

TRACE = Path(__file__).with_name("azure-v1-sample.csv")
DISK_GB = 10
"""The trace tells nothing of disks."""
SETTLE_S = 60.0
TOO_MUCH_GIB = 512


@dataclass(frozen=True)
class Request:
    """One POST: ``servers`` equal servers that one tenant asked for together."""

    name: str
    flavor: str
    vcpus: int
    ram_mb: int
    servers: int

    def names(self) -> list[str]:
        """Return the names that the servers of this request get."""
        return [self.name] if self.servers == 1 else [f"{self.name}-{n + 1}" for n in range(self.servers)]


@dataclass
class Played:
    """What came of the POSTs.

    :param accepted: the names of all servers that were accepted with a 202.
    :param refused: one sentence for each request that was not.
    """

    started: float
    seconds: float = 0.0
    accepted: list[str] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)
    posts: list[float] = field(default_factory=list)


@dataclass
class Result:
    """What became of the accepted servers."""

    active: int
    failed: int
    lost: int
    seconds: float


@dataclass(frozen=True)
class Misfit:
    """A server that fits nowhere."""

    wish: str
    status: str
    message: str

    @property
    def has_reason(self) -> bool:
        """Whether it ended as it must: in ERROR, with a reason."""
        return self.status == "ERROR" and bool(self.message)


def read_trace(count: int) -> list[Request]:
    """Return the first ``count`` requests of the sample."""
    with TRACE.open(newline="") as file:
        rows = list(csv.DictReader(file))[:count]
    return [
        Request(
            name=f"azure-{number:03d}",
            flavor=f"azure.{row['vcpus']}x{row['mem_gb'].removesuffix('.0')}",
            vcpus=int(row["vcpus"]),
            ram_mb=int(float(row["mem_gb"]) * 1024),
            servers=int(row["servers"]),
        )
        for number, row in enumerate(rows, 1)
    ]


def play(cloud: Cloud, requests: list[Request], *, threads: int, advance: Callable[[], None]) -> Played:
    """Create the flavors of the trace as admin, then send all requests, in order, from several threads."""
    wanted = {request.flavor: request for request in requests}
    flavors = {name: _flavor(cloud, name, one.vcpus, one.ram_mb) for name, one in wanted.items()}
    user = cloud.connect()
    image = next(iter(user.image.images())).id
    waiting: queue.SimpleQueue[Request] = queue.SimpleQueue()
    for request in requests:
        waiting.put(request)
    played = Played(started=time.monotonic())

    def work() -> None:
        while True:
            try:
                request = waiting.get_nowait()
            except queue.Empty:
                return
            _post(user, played, request, flavors[request.flavor], image)
            advance()

    # Daemons, and joined in small steps: Ctrl-C ends the demonstration whatever they are waiting for.
    workers = [threading.Thread(target=work, daemon=True) for _ in range(threads)]
    for worker in workers:
        worker.start()
    for worker in workers:
        while worker.is_alive():
            worker.join(0.1)
    played.seconds = time.monotonic() - played.started
    return played


def _flavor(cloud: Cloud, name: str, vcpus: int, ram_mb: int) -> str:
    admin = cloud.connect("corenova-admin")
    found = admin.compute.find_flavor(name, ignore_missing=True)
    return (found or admin.compute.create_flavor(name=name, vcpus=vcpus, ram=ram_mb, disk=DISK_GB)).id


def _post(user: Connection, played: Played, request: Request, flavor: str, image: str) -> None:
    started = time.monotonic()
    try:
        user.compute.create_server(
            name=request.name,
            flavor_id=flavor,
            image_id=image,
            networks="none",
            min_count=request.servers,
            max_count=request.servers,
        )
    except Exception as error:
        played.refused.append(f"{request.name}: {error}")
    else:
        played.accepted += request.names()
        played.posts.append(time.monotonic() - started)


def settle(cloud: Cloud, played: Played) -> Result:
    """Wait until no server is being built, and count. What is accepted must be ACTIVE, or ERROR with a reason."""
    user = cloud.connect()
    deadline = time.monotonic() + SETTLE_S
    while user.compute.get("/servers?status=BUILD&limit=1").json()["servers"] and time.monotonic() < deadline:
        time.sleep(0.05)
    seconds = time.monotonic() - played.started
    active, explained = set(), set()
    for server in _servers(user):
        if server["status"] == "ACTIVE":
            active.add(server["name"])
        elif server["status"] == "ERROR" and server.get("fault", {}).get("message"):
            explained.add(server["name"])
    accepted = set(played.accepted)
    return Result(
        active=len(accepted & active),
        failed=len(accepted & explained),
        lost=len(accepted - active - explained),
        seconds=seconds,
    )


def _servers(user: Connection) -> Iterator[dict]:
    """Yield all servers as they come over the wire: the SDK's objects cost 4 ms each."""
    page = "/servers/detail?limit=1000"
    while page:
        body = user.compute.get(page).json()
        yield from body["servers"]
        page = next((link["href"] for link in body.get("servers_links", ()) if link["rel"] == "next"), None)


def ask_too_much(cloud: Cloud) -> Misfit:
    """Ask for one server that no host has room for, and return what the user is told."""
    flavor = _flavor(cloud, "too-big", 8, TOO_MUCH_GIB * 1024)
    user = cloud.connect()
    image = next(iter(user.image.images())).id
    server = user.compute.create_server(name="too-big", flavor_id=flavor, image_id=image, networks="none")
    deadline = time.monotonic() + SETTLE_S
    while server.status not in ("ERROR", "ACTIVE"):
        if time.monotonic() > deadline:
            raise CloudError(f"The server too-big is still {server.status} after {SETTLE_S:g} s.")
        time.sleep(0.05)
        server = user.compute.get_server(server.id)
    fault = (server.fault or {}).get("message", "")
    return Misfit(wish=f"8 vCPUs and {TOO_MUCH_GIB} GiB", status=server.status, message=fault)
