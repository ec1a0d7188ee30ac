"""until when each step of a negotiation stood; those taken before stood as long as their bid."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("bid_steps", sa.Column("expires_at", sa.DateTime(timezone=True), nullable=True))
    op.execute("UPDATE bid_steps SET expires_at = (SELECT expires_at FROM bids WHERE bids.id = bid_steps.bid_id)")
    with op.batch_alter_table("bid_steps") as table:
        table.alter_column("expires_at", nullable=False)


def downgrade() -> None:
    op.drop_column("bid_steps", "expires_at")
