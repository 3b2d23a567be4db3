"""Two of everything, as separate processes over RabbitMQ and PostgreSQL, driven by the unmodified SDK.

Any of them, and the broker, may die at any moment: what was answered with 202 comes to an end all the same.
"""

import threading
import time
from collections import Counter

import pytest

from tests.functional.scale_out.conftest import HOSTS, PREFIXES, SERVICES, wait

pytestmark = [pytest.mark.rabbit, pytest.mark.pg, pytest.mark.long]
END_S = 60


@pytest.fixture
def create(user):
    """Give a function that creates servers; it returns nothing, as the answer tells of the first one alone."""
    image = next(iter(user.image.images())).id

    def create(name: str, count: int = 1) -> None:
        more = {"min_count": count, "max_count": count} if count > 1 else {}
        user.compute.create_server(name=name, flavor_id="1", image_id=image, networks="none", **more)

    return create


@pytest.fixture(autouse=True)
def clean(deployment, user):
    """Begin without servers, and end with nothing that the invariant checker finds."""
    yield
    for server in user.compute.servers(details=False):
        user.compute.delete_server(server)
    assert wait(lambda: not list(user.compute.servers(details=False)), END_S)
    audit = deployment.audit()
    assert audit.returncode == 0, audit.stdout + audit.stderr


def settled(user, count: int) -> Counter:
    """Wait until there are ``count`` servers and none is being built; return how many are in which state."""
    found: list = []

    def there() -> bool:
        found[:] = user.compute.servers()
        return len(found) == count and all(server.status != "BUILD" for server in found)

    if not wait(there, END_S):
        raise AssertionError([(s.name, s.status, s.task_state) for s in found if s.status == "BUILD"] or len(found))
    assert all(server.fault for server in found if server.status == "ERROR")
    return Counter(server.status for server in found)


def test_all_are_known(admin):
    services = {(s.binary, s.host) for s in admin.compute.services() if s.state == "up"}
    hosts = {f"{prefix}{number:03d}" for prefix in PREFIXES.values() for number in range(1, HOSTS + 1)}
    others = {(f"nova-{name.split('-')[0]}", name) for name in SERVICES if name not in PREFIXES and name != "api"}
    assert services == others | {("nova-compute", host) for host in hosts}
    assert {hypervisor.name for hypervisor in admin.compute.hypervisors()} == hosts


def test_sixty_servers_live_on_the_hosts_of_both(user, admin, create):
    for number in range(20):
        create(f"one-{number}")
    for number in range(2):
        create(f"many-{number}", 20)
    assert settled(user, 60) == {"ACTIVE": 60}
    hosts = Counter(s.compute_host for s in admin.compute.servers(all_projects=True))
    assert {host[:4] for host in hosts} == set(PREFIXES.values())
    assert max(hosts.values()) - min(hosts.values()) <= 2, "they are spread"

    some = list(user.compute.servers())[:6]
    for server in some:
        user.compute.stop_server(server)
    for server in some:
        user.compute.wait_for_server(server, status="SHUTOFF", interval=0.2, wait=END_S)
        user.compute.start_server(server)
    for number, server in enumerate(some):
        user.compute.wait_for_server(server, status="ACTIVE", interval=0.2, wait=END_S)
        user.compute.reboot_server(server, "HARD" if number % 2 else "SOFT")
    for server in some:
        assert wait(lambda s=server: user.compute.get_server(s).task_state is None, END_S)
        user.compute.delete_server(server)
    for server in some:
        user.compute.wait_for_delete(server, interval=0.2, wait=END_S)
    assert Counter(server.status for server in user.compute.servers()) == {"ACTIVE": 54}


def test_a_killed_conductor_scheduler_and_compute_lose_nothing(deployment, user, create):
    victims = ("conductor-1", "scheduler-2", "compute-1")
    for number in range(40):
        create(f"s-{number}")
        if number in (8, 12, 16):
            deployment.kill(victims[(number - 8) // 4])
        if number == 25:
            deployment.start(*victims)
    states = settled(user, 40)
    assert states["ACTIVE"] + states["ERROR"] == 40
    assert states["ACTIVE"] >= 30, states


def test_a_killed_broker_loses_nothing(deployment, user, create):
    """What is asked for while there is no broker is accepted as ever, if slower (F18)."""
    seconds, broken = [], []
    killed = threading.Event()

    def ask(part: int) -> None:
        for number in range(10):
            started = time.monotonic()
            try:
                create(f"b-{part}-{number}")
            except Exception as error:
                broken.append(error)
            seconds.append(time.monotonic() - started)
            if number == 2:
                killed.wait(END_S)

    threads = [threading.Thread(target=ask, args=(part,)) for part in range(3)]
    for thread in threads:
        thread.start()
    time.sleep(0.5)
    deployment.broker.kill()
    killed.set()
    time.sleep(4)
    deployment.broker.start()
    for thread in threads:
        thread.join()
    assert broken == []
    assert max(seconds) < 8, sorted(seconds)[-5:]
    assert settled(user, 30) == {"ACTIVE": 30}
