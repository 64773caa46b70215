"""What is handed in to challenges."""

import sqlalchemy as sql
from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    op.create_table(
        "entries",
        sql.Column("id", sql.String(40), primary_key=True),
        sql.Column("challenge", sql.String(40), nullable=False),
        sql.Column("person", sql.String(64), nullable=False),
        sql.Column("name", sql.String(120), nullable=False),
        sql.Column("run", sql.String(40), nullable=False),
        sql.Column("at", sql.Double, nullable=False),
        sql.Column("data", sql.Text, nullable=False),
        sql.UniqueConstraint("challenge", "run"),
    )
