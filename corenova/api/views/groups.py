"""Server groups as clients see them."""

import msgspec
import sqlalchemy as sa


def show(group: sa.Row, members: list[str], version: int) -> dict[str, object]:
    """Return one server group."""
    shown = {"id": group.uuid, "name": group.name, "members": members}
    if version >= 64:
        shown |= {"policy": group.policy, "rules": msgspec.Raw(group.rules)}
    else:
        shown |= {"policies": [group.policy], "metadata": {}}
    if version >= 13:
        shown |= {"project_id": group.project_id, "user_id": group.user_id}
    return shown
