"""Administrators add resource classes and traits to hosts"""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply this step."""
    op.create_table(
        "provided_inventories",
        sa.Column("host", sa.String(length=255), nullable=False),
        sa.Column("resource_class", sa.String(length=64), nullable=False),
        sa.Column("total", sa.Integer(), nullable=False),
        sa.Column("reserved", sa.Integer(), nullable=False),
        sa.Column("allocation_ratio", sa.Double(), nullable=False),
        sa.Column("min_unit", sa.Integer(), nullable=False),
        sa.Column("max_unit", sa.Integer(), nullable=False),
        sa.Column("step_size", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("host", "resource_class", name=op.f("pk_provided_inventories")),
        comment="Inventories that administrators gave to hosts; they replace what the compute tells.",
    )
    op.create_table(
        "provided_traits",
        sa.Column("host", sa.String(length=255), nullable=False),
        sa.Column("trait", sa.String(length=255), nullable=False),
        sa.PrimaryKeyConstraint("host", "trait", name=op.f("pk_provided_traits")),
        comment="Traits that administrators gave to hosts, beside those that the compute tells.",
    )
