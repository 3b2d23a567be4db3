"""Host aggregates as clients see them."""

from corenova.api.views.times import naive
from corenova.db.aggregates import AggregateRow


def created(aggregate: AggregateRow, version: int) -> dict[str, object]:
    """Return the answer to a create, which has neither hosts nor metadata."""
    shown = {
        "id": aggregate.id,
        "name": aggregate.name,
        "availability_zone": aggregate.zone,
        "created_at": naive(aggregate.created_at),
        "updated_at": naive(aggregate.updated_at),
        "deleted": False,
        "deleted_at": None,
    }
    if version >= 41:
        shown["uuid"] = aggregate.uuid
    return shown


def show(aggregate: AggregateRow, version: int) -> dict[str, object]:
    """Return one aggregate."""
    return created(aggregate, version) | {"hosts": list(aggregate.hosts), "metadata": aggregate.metadata}
