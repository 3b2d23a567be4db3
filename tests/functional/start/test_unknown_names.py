"""Names in an ini file that nobody reads: one warning each, with file and nearest name, and the process runs."""

import signal

INI = """\
[compte]
threads = 1
driver = fake
[compute]
thread = 1
thread = 2
zzz = 1
[fake]
hosts = 3
host = 4
[ComputeFilter]
anything = 1
[oslo_policy]
enforce_new_defaults = true
"""


def test_unknown_names_are_warnings(place):
    place.write(INI)
    running = place.start()
    running.log_in()
    assert running.call("GET", "/compute/v2.1/servers") == {"servers": []}
    _, err = running.stop(signal.SIGTERM)
    assert [line.partition(" [-] ")[2] for line in err.splitlines() if " WARNING " in line] == [
        f"{place.ini}: there is no section [compte]; did you mean compute?",
        f"{place.ini}: there is no option thread in [compute]; did you mean threads?",
        f"{place.ini}: there is no option zzz in [compute]; it is ignored.",
        f"{place.ini}: there is no option host in [fake]; did you mean hosts?",
    ]
