"""Services tell what is wrong with them"""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply this step."""
    with op.batch_alter_table("services", schema=None) as batch_op:
        batch_op.add_column(sa.Column("alarms", sa.Text(), nullable=True))
