"""What schedulers keep of their pictures of the hosts"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import mysql

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply this step."""
    op.create_table(
        "fleet_records",
        sa.Column("id", sa.Integer(), autoincrement=True, nullable=False),
        sa.Column("picture", sa.String(length=36), nullable=False),
        sa.Column("revision", sa.BigInteger(), nullable=False),
        sa.Column("is_copy", sa.Boolean(), nullable=False),
        sa.Column("created_at", sa.Double(), nullable=False),
        sa.Column("data", sa.LargeBinary().with_variant(mysql.LONGBLOB(), "mysql", "mariadb"), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_fleet_records")),
        comment="Copies of the schedulers' pictures of the hosts and the changes between them, for replay.",
    )
    with op.batch_alter_table("fleet_records", schema=None) as batch_op:
        batch_op.create_index("ix_fleet_records_picture", ["picture", "is_copy", "revision"], unique=False)
        batch_op.create_index(batch_op.f("ix_fleet_records_created_at"), ["created_at"], unique=False)
