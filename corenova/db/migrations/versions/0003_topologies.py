"""Topologies of hosts and the claims on them"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import mysql

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

LongText = sa.Text().with_variant(mysql.LONGTEXT(), "mysql", "mariadb")


def upgrade() -> None:
    """Apply this step."""
    op.create_table(
        "host_topologies",
        sa.Column("host", sa.String(length=255), nullable=False),
        sa.Column("topology", LongText, nullable=False),
        sa.Column("used", LongText, nullable=False),
        sa.Column("generation", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("host", name=op.f("pk_host_topologies")),
        comment="NUMA cells and PCI devices of hosts as reported, and what is used of them (objects/topology.py).",
    )
    op.create_table(
        "topology_claims",
        sa.Column("instance_uuid", sa.String(length=36), nullable=False),
        sa.Column("host", sa.String(length=255), nullable=False),
        sa.Column("claim", LongText, nullable=False),
        sa.PrimaryKeyConstraint("instance_uuid", name=op.f("pk_topology_claims")),
        comment="Which CPUs, pages and PCI devices of its host an instance has.",
    )
    with op.batch_alter_table("topology_claims", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_topology_claims_host"), ["host"], unique=False)
