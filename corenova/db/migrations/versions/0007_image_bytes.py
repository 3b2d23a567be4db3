"""Images have bytes, tags and members"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import mysql

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

_LONG = sa.Text().with_variant(mysql.LONGTEXT(), "mysql", "mariadb")
_OLD_SIZE = sa.Integer().with_variant(mysql.BIGINT(), "mysql", "mariadb")


def upgrade() -> None:
    """Apply this step."""
    with op.batch_alter_table("images", schema=None) as batch_op:
        batch_op.alter_column("size", existing_type=_OLD_SIZE, type_=sa.BigInteger(), existing_nullable=True)
        batch_op.alter_column("properties", existing_type=sa.Text(), type_=_LONG, existing_nullable=False)
        for name, length in (("name", 255), ("disk_format", 16), ("container_format", 16)):
            batch_op.alter_column(name, existing_type=sa.String(length), nullable=True)
        batch_op.add_column(sa.Column("virtual_size", sa.BigInteger(), nullable=True))
        for name in ("protected", "os_hidden"):
            batch_op.add_column(sa.Column(name, sa.Boolean(), nullable=False, server_default=sa.false()))
        batch_op.add_column(sa.Column("tags", _LONG, nullable=True))
        batch_op.add_column(sa.Column("upload_id", sa.String(length=36), nullable=True))
        batch_op.add_column(sa.Column("upload_until", sa.Double(), nullable=True))
    op.create_table(
        "image_members",
        sa.Column("image_uuid", sa.String(length=36), nullable=False),
        sa.Column("member", sa.String(length=64), nullable=False),
        sa.Column("status", sa.String(length=16), nullable=False),
        sa.Column("created_at", sa.Double(), nullable=False),
        sa.Column("updated_at", sa.Double(), nullable=False),
        sa.PrimaryKeyConstraint("image_uuid", "member", name=op.f("pk_image_members")),
        comment="Projects with which the owner of an image shares it.",
    )
