"""MaintenanceWindowFilter: the contract, a table of moments, bad values, and a server in a cloud."""

from datetime import UTC, datetime, timedelta

import pytest
from maintenance_window_filter import MaintenanceWindowFilter, read

from corenova import loader
from corenova.exceptions import PluginError
from corenova.testing.builders import host, request
from corenova.testing.configuration import configuration
from corenova.testing.suites import FilterSuite

WINDOWS = "rack7: 2026-12-01T22:00Z/PT4H, rack7: 2026-12-03T22:00+01:00/PT30M, rack8: 2026-12-01T23:00Z/P1DT1H"
ALWAYS = "2000-01-01T00:00Z/P9999D"


class TestContract(FilterSuite):
    plugin = MaintenanceWindowFilter
    ini = {"MaintenanceWindowFilter": {"windows": f"ssd: {ALWAYS}, gpu: {ALWAYS}"}}


def configured(clock=None, **options):
    """Return the filter with these options, at the time that ``clock`` returns."""
    conf = configuration({"MaintenanceWindowFilter": options})
    name = loader.give(conf, loader.FILTERS, MaintenanceWindowFilter)
    found = loader.load_one(conf, loader.FILTERS, name).object
    found._clock = clock or found._clock
    return found


@pytest.mark.parametrize(
    ("now", "closed"),
    [
        ("2026-12-01T21:29", ""),
        ("2026-12-01T21:30", "rack7"),
        ("2026-12-01T22:00", "rack7"),
        ("2026-12-01T22:30", "rack7 rack8"),
        ("2026-12-02T01:59", "rack7 rack8"),
        ("2026-12-02T02:00", "rack8"),
        ("2026-12-03T00:00", ""),
        ("2026-12-03T20:31", "rack7"),
        ("2026-12-03T21:30", ""),
    ],
)
def test_which_racks_are_closed(now, closed):
    found = configured(lambda: datetime.fromisoformat(now).replace(tzinfo=UTC), windows=WINDOWS, notice_minutes=30)
    racks = {rack: host(rack, aggregates={rack: {}}) for rack in ("rack6", "rack7", "rack8")}
    assert [rack for rack, state in racks.items() if not found.host_passes(state, request())] == closed.split()
    assert found.host_passes(host(), request())
    for rack in closed.split():
        assert f"Hosts of {rack} are in maintenance from 2026-12-0" in found.reason(racks[rack], request())


def test_without_windows_it_is_never_asked_and_with_one_always():
    assert not configured().applies(request())
    assert configured(windows="rack7: 2001-01-01T00:00Z/PT1M").applies(request()), "also before and after the window"


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("rack7", "is no date"),
        ("rack7: soon/PT4H", "is no date"),
        ("rack7: 2026-13-01T22:00Z/PT4H", "is no date"),
        (": 2026-12-01T22:00Z/PT4H", "names no aggregate"),
        ("rack7: 2026-12-01T22:00/PT4H", "no time zone"),
        ("rack7: 2026-12-01T22:00Z", "duration"),
        ("rack7: 2026-12-01T22:00Z/4h", "duration"),
        ("rack7: 2026-12-01T22:00Z/PT0M", "duration"),
        ("rack7: 2026-12-01T22:00Z/P", "duration"),
    ],
)
def test_a_window_that_cannot_be_read_stops_the_start(text, what):
    with pytest.raises(PluginError, match=what) as refused:
        configured(windows=text)
    assert "\n" not in str(refused.value) and "rack7" in str(refused.value)


def test_a_window_is_read():
    assert read("rack 7 :2026-12-01T22:00Z/P1DT2H3M") == (
        "rack 7",
        datetime(2026, 12, 1, 22, tzinfo=UTC),
        datetime(2026, 12, 2, 22, tzinfo=UTC) + timedelta(hours=2, minutes=3),
    )


@pytest.mark.cloud(filters=[MaintenanceWindowFilter], ini={"MaintenanceWindowFilter": {"windows": f"rack7: {ALWAYS}"}})
def test_a_server_stays_away_from_the_rack_and_one_that_must_go_there_is_told_why(cloud):
    closed, free = cloud.driver.hosts()[:-1], cloud.driver.hosts()[-1]
    cloud.make_aggregate("rack7", closed)
    server, there = cloud.create_server(), cloud.create_server(requested_host=closed[0])
    cloud.wait_for(server)
    cloud.wait_for(there, "error")
    assert cloud.server(server).host == free
    assert "MaintenanceWindowFilter" in cloud.server(there).fault_message
