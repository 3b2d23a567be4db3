"""Real guests by libvirt and QEMU: what corenova adds to libvirt's own work, twenty boots, fifty guests at rest.

Needs root and a libvirt that runs (tools/install-libvirt, tools/start-libvirt); every guest is one sector large.
"""

import contextlib
import re
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import openstack
from openstack.config import OpenStackConfig

from benchmarks import cloud
from benchmarks.figures import Figure, Goal, NotHereError, check
from corenova.testing import boot_sector

URI = "qemu:///system"
_INI = """\
[DEFAULT]
state_path = {folder}/state
[api]
bind_port = {port}
[compute]
driver = libvirt
[libvirt]
connection_uri = qemu:///system
virt_type = qemu
cpu_allocation_ratio = 64
"""
_FLAVOR = {"name": "sector", "ram": 32, "vcpus": 1, "disk": 1}


def run(quick: bool) -> list[Figure]:
    """Boot guests through the whole chain, then the same XML through libvirt alone."""
    few, many = (4, 8) if quick else (20, 50)
    _check_libvirt()
    with tempfile.TemporaryDirectory(prefix="corenova-bench-") as folder, _cloud(Path(folder)) as (server, user):
        image = user.image.create_image("sector", data=boot_sector.disk(), disk_format="raw", container_format="bare")
        _boot(user, image, "warm", 1)
        images = Path(folder) / "state" / "libvirt" / "images"
        cached = _bytes(images)
        cpu, began = server.cpu_s(), time.monotonic()
        _boot(user, image, "vm", few)
        seconds, cpu_ms = time.monotonic() - began, (server.cpu_s() - cpu) / few * 1000
        copied = _bytes(images) - cached
        plain_ms = _plain(user, few)
        _boot(user, image, "more", many - few - 1)
        time.sleep(5)
        idle_s = 5 if quick else 30
        cpu = server.cpu_s()
        time.sleep(idle_s)
        idle = (server.cpu_s() - cpu) / idle_s * 100
    return [
        Figure("boots", few, "", "guests booted at once"),
        Figure("boot_s", seconds, "s", f"{few} guests of one sector ACTIVE", Goal(40)),
        Figure("whole_chain_cpu_ms", cpu_ms, "CPU ms", "corenova-all, per guest, from POST to ACTIVE"),
        Figure("plain_cpu_ms", plain_ms, "CPU ms", "libvirt-python alone: define and start the same XML"),
        Figure("overhead_cpu_ms", cpu_ms - plain_ms, "CPU ms", "what corenova adds, per guest", Goal(150)),
        Figure("copied_bytes", copied, "bytes", "image bytes copied for all but the first guest", Goal(0)),
        Figure("idle_percent", idle, "%", f"of a core: the whole process, idle, with {many} guests", Goal(5)),
    ]


def _check_libvirt() -> None:
    try:
        import libvirt
    except ImportError as error:
        raise NotHereError(f"libvirt-python is missing ({error}); run tools/install-libvirt, then make dev") from None
    libvirt.registerErrorHandler(lambda _context, _error: None, None)
    try:
        libvirt.open(URI).close()
    except libvirt.libvirtError as error:
        raise NotHereError(f"no libvirt answers at {URI} ({error}); run tools/start-libvirt") from None


@contextlib.contextmanager
def _cloud(folder: Path) -> Iterator[tuple[cloud.Server, openstack.connection.Connection]]:
    """Run corenova-all on libvirt with a flavor for the guests, and its user."""
    server = cloud.Server(folder, hosts=1, ini=_INI)
    try:
        server.wait_ready()
        files = [str(server.state_path / "clouds.yaml")]
        config = OpenStackConfig(config_files=files, load_envvars=False)
        admin, user = (
            openstack.connection.Connection(config=config.get_one(f"corenova{who}")) for who in ("-admin", "")
        )
        admin.create_flavor(**_FLAVOR)
        try:
            yield server, user
        finally:
            _delete_all(user)
            user.close()
            admin.close()
    finally:
        server.stop()


def _delete_all(user: openstack.connection.Connection) -> None:
    """Leave no guest on the machine, whatever has gone wrong."""
    servers = list(user.compute.servers())
    for one in servers:
        user.compute.delete_server(one)
    for one in servers:
        user.compute.wait_for_delete(one, interval=0.1, wait=300)


def _boot(user: openstack.connection.Connection, image: object, name: str, count: int) -> None:
    if count < 1:
        return
    asked = {"flavor_id": user.compute.find_flavor("sector").id, "image_id": image.id, "networks": "none"}
    user.compute.create_server(name=name, min_count=count, max_count=count, **asked)
    deadline = time.monotonic() + 300
    while (waiting := [s for s in user.compute.servers(name=name) if s.status == "BUILD"]) or not waiting:
        if not waiting and len(list(user.compute.servers(name=name))) >= count:
            break
        check(time.monotonic() < deadline, f"{len(waiting)} guests are still being built")
        time.sleep(0.2)
    failed = [s.fault for s in user.compute.servers(name=name) if s.status != "ACTIVE"]
    check(not failed, f"{len(failed)} guests are not ACTIVE: {failed[:1]}")


def _bytes(folder: Path) -> int:
    return sum(path.stat().st_blocks * 512 for path in folder.rglob("*") if path.is_file())


def _plain(user: openstack.connection.Connection, count: int) -> float:
    """Define and start copies of one of the guests through libvirt-python; CPU milliseconds of this process, each."""
    import libvirt

    connection = libvirt.open(URI)
    uuid = next(iter(user.compute.servers(name="warm"))).id
    xml = connection.lookupByUUIDString(uuid).XMLDesc(libvirt.VIR_DOMAIN_XML_INACTIVE)
    own = time.process_time()
    with tempfile.TemporaryDirectory(prefix="corenova-bench-") as folder, contextlib.ExitStack() as undo:
        for number in range(count):
            disk = Path(folder) / f"{number}.raw"
            disk.write_bytes(boot_sector.disk())
            domain = connection.defineXML(_copy_of(xml, uuid, number, disk))
            undo.callback(domain.undefine)
            domain.create()
            undo.callback(domain.destroy)
        spent = (time.process_time() - own) / count * 1000
    connection.close()
    return spent


def _copy_of(xml: str, uuid: str, number: int, disk: Path) -> str:
    """Return the XML of another guest like this one, on a disk of its own."""
    other = f"{number:08x}{uuid[8:]}"
    xml = re.sub(rf"(file='[^']*')|{uuid}", lambda found: found[1] or other, xml)  # files stay where they are
    xml = re.sub(r"<name>[^<]*</name>", f"<name>corenova-bench-{other}</name>", xml, count=1)
    xml = re.sub(r"<metadata.*?</metadata>", "", xml, flags=re.S)  # with our mark it would be taken for an orphan
    xml = re.sub(r"<backingStore.*?</backingStore>", "", xml, flags=re.S)
    xml = re.sub(r"<source file='[^']*/disk'", f"<source file='{disk}'", xml, count=1)
    xml = xml.replace("type='qcow2'", "type='raw'", 1)
    return re.sub(r"<(log|source) (file|path)='[^']*console.log'[^>]*/>", "", xml)
