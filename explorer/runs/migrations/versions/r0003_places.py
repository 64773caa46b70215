"""Where the worker of a run runs: a process of the host, or an engine such as Ray that places it somewhere."""

import sqlalchemy as sql
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    op.add_column("runs", sql.Column("place", sql.String(20), nullable=False, server_default=""))
