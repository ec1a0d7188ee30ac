"""why the operator opened a suspended account again, for the person to read."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("users", sa.Column("restored_reason", sa.Text(), nullable=True))


def downgrade() -> None:
    op.drop_column("users", "restored_reason")
