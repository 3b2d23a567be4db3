"""One scheduler of a race, as a conductor would use it; also a program, so that several processes can race.

python racer.py URL SEED UUID ...        asks for these instances and prints what it got as JSON
"""

import json
import random
import sys
import time

from oslo_config import cfg

import corenova  # noqa: F401 - chooses the threading backend
from corenova import conf as options
from corenova.db import instances, work
from corenova.db.engine import Database
from corenova.events import Events
from corenova.hooks import Hooks
from corenova.objects.request_spec import SelectRequest
from corenova.scheduler.manager import SchedulerManager, build_pipeline

MOST_TRIES = 50


def scheduler(db, **sections):
    """Return a scheduler with the default plug-ins; ``sections`` are dicts of options."""
    conf = cfg.ConfigOpts()
    options.register(conf)
    conf([], default_config_files=[], default_config_dirs=[])
    for section, values in sections.items():
        for name, value in values.items():
            conf.set_override(name, value, group=section)
    return SchedulerManager(conf, db, Events(Hooks()), build_pipeline(conf))


def race(db, uuids, *, seed, most=40, manager=None, pause_s=0.0):
    """Ask for these instances in batches of mixed sizes, again for what stays unanswered.

    :return: what became of them, as a dict.
    """
    manager, chance, left = manager or scheduler(db), random.Random(seed), list(uuids)
    got = {"placed": [], "refused": {}, "commits": 0, "conflicts": 0, "unanswered": 0, "longest_s": 0.0}
    tries = 0
    while left:
        size = chance.randint(1, most)
        batch, left = left[:size], left[size:]
        rows = db.write("race.take", lambda c, b=batch: work.take_scheduling(c, b, owner=f"racer{seed}", lease_s=60))
        alike = {}
        for row in rows:
            alike.setdefault(row.spec, []).append((row.uuid, row.generation))
        requests = [SelectRequest(spec=instances.decode_spec(s), instances=tuple(m)) for s, m in alike.items()]
        began = time.monotonic()
        selections = manager.select_destinations({}, requests)
        got["longest_s"] = max(got["longest_s"], time.monotonic() - began)
        held = {row.uuid: row.generation for row in rows}
        for selection in selections:
            if selection.host is not None:
                got["placed"].append((selection.instance_uuid, selection.host))
            elif selection.reason:
                got["refused"][selection.instance_uuid] = selection.reason
            else:
                left.append(selection.instance_uuid)
                got["unanswered"] += 1
        again = [(uuid, held[uuid]) for uuid in left if uuid in held]
        if again:
            tries += 1
            assert tries < MOST_TRIES, "schedulers that never come to an end"
            db.write("race.give_back", lambda c, a=again: work.give_back(c, a))
        time.sleep(pause_s * chance.random())
    manager.stop()
    got["commits"], got["conflicts"] = manager.stats.commits, manager.stats.conflicts
    return got


if __name__ == "__main__":
    print(json.dumps(race(Database(sys.argv[1]), sys.argv[3:], seed=int(sys.argv[2]))))
