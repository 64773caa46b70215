"""Which data directory, and which host, a run belongs to: several may share one database."""

import sqlalchemy as sql
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    op.add_column("runs", sql.Column("home", sql.String(40), nullable=False, server_default=""))
    op.add_column("runs", sql.Column("host", sql.String(255), nullable=False, server_default=""))
    # Versions of the product that know nothing of Alembic look here, and refuse what is newer than they are.
    op.execute("UPDATE schema_version SET version = 2")
