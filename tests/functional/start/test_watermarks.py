"""A plug-in that leaks: the process stops in good order before the machine suffers, and the next one goes on."""

import sqlite3
import time

from corenova.cmd.watermarks import EXIT_CODE

LEAK = """
class LeakFilter:
    kept = []

    def host_passes(self, host_state, spec):
        self.kept.append(b"x" * (8 << 20))
        return True
"""
SERVERS = 20


def test_a_process_that_grows_beyond_its_limit_ends_to_be_started_again_and_no_server_is_lost(place):
    folder = place.path / "leak"
    info = folder / "leak-1.0.dist-info"
    info.mkdir(parents=True)
    (folder / "leak.py").write_text(LEAK)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: leak\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[corenova.scheduler.filters]\nLeakFilter = leak:LeakFilter\n")
    place.write(
        "[filter_scheduler]\nenabled_filters = ComputeFilter, LeakFilter\n[fake]\nspawn_latency_s = 0.5\n",
        default="max_rss_mb = 220\nreport_interval = 1",
    )
    first = place.start(PYTHONPATH=str(folder))
    first.log_in()
    image = first.call("GET", "/image/v2/images")["images"][0]["id"]
    server = {"name": "s", "imageRef": image, "flavorRef": "1", "max_count": SERVERS}
    first.call("POST", "/compute/v2.1/servers", {"server": server | {"min_count": SERVERS}})
    _, err = first.process.communicate(timeout=60)
    assert first.process.returncode == EXIT_CODE
    assert "MiB of resident memory, more than [DEFAULT] max_rss_mb = 220" in err
    with sqlite3.connect(place.state / "corenova.sqlite") as connection:
        rows = connection.execute(
            "SELECT last_seen_at, alarms FROM services WHERE binary = 'nova-scheduler'"
        ).fetchall()
        told = connection.execute("SELECT count(*) FROM plugin_accounts").fetchone()
    assert [(seen, "max_rss_mb = 220" in alarms) for seen, alarms in rows] == [(0.0, True)]
    assert told == (0,)  # whoever stops in good order takes them along

    place.write("[fake]\nspawn_latency_s = 0\n")
    second = place.start()
    second.log_in()
    deadline = time.monotonic() + 60
    while {one["status"] for one in second.servers()} != {"ACTIVE"}:
        assert time.monotonic() < deadline, [one["status"] for one in second.servers()]
        time.sleep(0.1)
    assert len(second.servers()) == SERVERS
