"""How plug-ins do, as services tell it"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import mysql

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply this step."""
    long_text = sa.Text().with_variant(mysql.LONGTEXT(), "mysql", "mariadb")
    op.create_table(
        "plugin_accounts",
        sa.Column("id", sa.Integer(), autoincrement=True, nullable=False),
        sa.Column("binary", sa.String(length=64), nullable=False),
        sa.Column("address", sa.String(length=255), nullable=False),
        sa.Column("incarnation", sa.String(length=36), nullable=False),
        sa.Column("told_at", sa.Double(), nullable=False),
        sa.Column("accounts", long_text, nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_plugin_accounts")),
        sa.UniqueConstraint("incarnation", "binary", name=op.f("uq_plugin_accounts_incarnation_binary")),
        comment="How the plug-ins of each service that runs do (objects/plugin_account.py).",
    )
