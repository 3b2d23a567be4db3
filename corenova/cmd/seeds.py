"""What an empty deployment starts with, so that the first server needs no preparation: flavors and one image."""

import sqlalchemy as sa

from corenova.db import deployment, flavors
from corenova.db.engine import Database
from corenova.identity import seed as identity
from corenova.image import store
from corenova.objects.request_spec import Flavor

FLAVORS = (
    Flavor(flavorid="1", name="m1.nano", vcpus=1, memory_mb=64, root_gb=1),
    Flavor(flavorid="2", name="m1.micro", vcpus=1, memory_mb=128, root_gb=1),
    Flavor(flavorid="3", name="m1.tiny", vcpus=1, memory_mb=512, root_gb=1),
    Flavor(flavorid="4", name="m1.small", vcpus=1, memory_mb=2048, root_gb=20),
)
_FACT = "flavors_seeded"


def plant(db: Database) -> None:
    """Put flavors and the image ``cirros`` into a deployment that has never had any; deleted ones stay deleted."""

    def flavors_once(connection: sa.Connection) -> None:
        if deployment.get(connection, _FACT) is None:
            deployment.put(connection, _FACT, "yes")
            for flavor in FLAVORS:
                flavors.create(connection, flavor)

    if db.read(lambda connection: deployment.get(connection, _FACT)) is None:
        db.write("seeds.flavors", flavors_once)
    store.seed(db, identity.project_id(db))
