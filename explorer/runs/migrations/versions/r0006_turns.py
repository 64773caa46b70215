"""Which turns the queue has given, so that it is fair between people, experiments and searches."""

import sqlalchemy as sql
from alembic import op

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    op.create_table(
        "turns",
        sql.Column("run", sql.String(40), primary_key=True),
        sql.Column("owner", sql.String(64), nullable=False),
        sql.Column("queued", sql.Integer, nullable=False),
        sql.Column("begun", sql.Integer, nullable=False),
    )
