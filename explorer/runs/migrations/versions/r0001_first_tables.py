"""The tables as they were before Alembic (schema version 1).

Makes what is missing: everything in an empty database, nothing in one of schema version 1, and tables and columns in
one from before schemas had a number.
"""

from typing import Any

import sqlalchemy as sql
from alembic import op

revision = "0001"
down_revision = None

_META = sql.MetaData()


def _column(name: str, kind: Any, default: Any = None, **more: Any) -> sql.Column[Any]:
    return sql.Column(name, kind, nullable=False, default=default, **more)


_VERSION = sql.Table(
    "schema_version",
    _META,
    sql.Column("id", sql.Integer, primary_key=True, autoincrement=False),
    _column("version", sql.Integer),
)
sql.Table(
    "runs",
    _META,
    sql.Column("id", sql.String(40), primary_key=True),
    _column("name", sql.Text),
    _column("created", sql.Double),
    _column("architecture", sql.Text),
    _column("config", sql.Text),
    _column("device", sql.String(20), ""),
    _column("status", sql.String(20)),
    _column("reason", sql.Text, ""),
    _column("wish", sql.String(10), "run"),
    _column("wish_clock", sql.Double, 0.0),
    _column("attempt", sql.Integer, 0),
    _column("epoch", sql.Integer, 0),
    _column("step", sql.Integer, 0),
    _column("steps", sql.Integer, 0),
    _column("seconds", sql.Double, 0.0),
    _column("beat", sql.Double, 0.0),
    _column("memory", sql.BigInteger, 0),
    _column("notes", sql.Text, ""),
    _column("tags", sql.Text, "[]"),
)
sql.Table(
    "metrics",
    _META,
    sql.Column("run", sql.String(40), primary_key=True),
    sql.Column("series", sql.String(120), primary_key=True),
    sql.Column("step", sql.Integer, primary_key=True, autoincrement=False),
    _column("value", sql.Double),
    _column("seconds", sql.Double),
    sqlite_with_rowid=False,
)
sql.Table(
    "documents",
    _META,
    sql.Column("run", sql.String(40), primary_key=True),
    sql.Column("name", sql.String(120), primary_key=True),
    sql.Column("step", sql.Integer, primary_key=True, autoincrement=False),
    _column("data", sql.Text),
)
sql.Table(
    "events",
    _META,
    sql.Column("id", sql.Integer, primary_key=True),
    _column("run", sql.String(40), index=True),
    _column("at", sql.Double),
    _column("text", sql.Text),
)
sql.Table(
    "experiments",
    _META,
    sql.Column("id", sql.String(40), primary_key=True),
    _column("name", sql.Text),
    _column("created", sql.Double),
    _column("plan", sql.Text),
)
sql.Table(
    "trials",
    _META,
    sql.Column("run", sql.String(40), primary_key=True),
    _column("experiment", sql.String(40)),
    _column("variant", sql.String(500)),
    _column("seed", sql.BigInteger),
    sql.UniqueConstraint("experiment", "variant", "seed"),
)


def upgrade() -> None:
    connection = op.get_bind()
    _META.create_all(connection)
    inspector = sql.inspect(connection)
    for table in _META.sorted_tables:
        there = {column["name"] for column in inspector.get_columns(table.name)}
        for column in table.columns:
            if column.name not in there:
                default = column.default.arg if isinstance(column.default, sql.ColumnDefault) else None
                kind = column.type.copy() if hasattr(column.type, "copy") else column.type
                op.add_column(
                    table.name, sql.Column(column.name, kind, nullable=False, server_default=sql.literal(default))
                )
    if connection.execute(sql.select(_VERSION.c.id)).first() is None:
        connection.execute(_VERSION.insert().values(id=1, version=1))
