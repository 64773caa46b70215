"""What is known of the networks of runs, filled by whoever asks first; and an index by which states are listed.

A row of ``runs`` is several pages long, as it holds the network: without the index all of them were read to learn which
runs there are.
"""

import sqlalchemy as sql
from alembic import op

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    op.create_table(
        "networks",
        sql.Column("digest", sql.String(64), primary_key=True),
        sql.Column("revision", sql.Integer, nullable=False),
        sql.Column("structure", sql.String(64), nullable=False),
        sql.Column("numbers", sql.Text, nullable=False),
    )
    op.create_index("runs_listed", "runs", ["home", "created", "id", "status", "owner", "shared"])
