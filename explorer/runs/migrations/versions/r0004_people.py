"""Who runs and experiments belong to, whether others may look, who has signed in, and what people did."""

import sqlalchemy as sql
from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    for table in ("runs", "experiments"):
        op.add_column(table, sql.Column("owner", sql.String(64), nullable=False, server_default=""))
        op.add_column(table, sql.Column("shared", sql.Boolean, nullable=False, server_default=sql.false()))
    op.create_table(
        "people",
        sql.Column("id", sql.String(64), primary_key=True),
        sql.Column("name", sql.Text, nullable=False),
        sql.Column("email", sql.Text, nullable=False),
        sql.Column("first_seen", sql.Double, nullable=False),
        sql.Column("last_seen", sql.Double, nullable=False),
    )
    op.create_table(
        "audit",
        sql.Column("id", sql.Integer, primary_key=True),
        sql.Column("at", sql.Double, nullable=False),
        sql.Column("person", sql.String(64), nullable=False),
        sql.Column("action", sql.String(40), nullable=False),
        sql.Column("object", sql.String(500), nullable=False),
        sql.Column("detail", sql.Text, nullable=False),
    )
