"""An index by which what one person did is found: with every upload it is asked how much they uploaded within a day."""

from alembic import op

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    op.create_index("audit_of", "audit", ["person", "at"])
