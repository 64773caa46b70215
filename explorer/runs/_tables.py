"""The tables of the run store, as this version of the product needs them; ``migrations`` has how they came to be."""

from __future__ import annotations

import sqlalchemy as sql

HEAD = "0008"
"""The newest of the Alembic revisions in ``migrations/versions``."""
VERSION = 2
"""For versions of the product that know nothing of Alembic: they refuse a store whose number is above 1."""
META = sql.MetaData()


def _ownership() -> tuple[sql.Column[str], sql.Column[bool]]:
    """The columns that say whose a row is."""
    return (
        sql.Column(
            "owner",
            sql.String(64),
            nullable=False,
            default="",
            server_default="",
            comment="the person whose it is; '' of what was made without sign-in",
        ),
        sql.Column(
            "shared", sql.Boolean, nullable=False, default=False, server_default=sql.false(), comment="others may look"
        ),
    )


REVISION = sql.Table(
    "alembic_version",
    META,
    sql.Column("version_num", sql.String(32), nullable=False),
    sql.PrimaryKeyConstraint("version_num", name="alembic_version_pkc"),
)

SCHEMA = sql.Table(
    "schema_version",
    META,
    sql.Column("id", sql.Integer, primary_key=True, autoincrement=False, comment="1: there is one row"),
    sql.Column("version", sql.Integer, nullable=False),
)

RUNS = sql.Table(
    "runs",
    META,
    sql.Column("id", sql.String(40), primary_key=True),
    sql.Column("name", sql.Text, nullable=False),
    sql.Column("created", sql.Double, nullable=False, comment="seconds since 1970, for people only"),
    sql.Column("architecture", sql.Text, nullable=False, comment="JSON"),
    sql.Column("config", sql.Text, nullable=False, comment="JSON"),
    sql.Column("device", sql.String(20), nullable=False, default="", comment="the one it runs on, '' before"),
    sql.Column("status", sql.String(20), nullable=False),
    sql.Column("reason", sql.Text, nullable=False, default=""),
    sql.Column("wish", sql.String(10), key="requested_action", nullable=False, default="run"),
    sql.Column(
        "wish_clock",
        sql.Double,
        key="requested_at",
        nullable=False,
        default=0.0,
        comment="monotonic seconds of this machine",
    ),
    sql.Column("attempt", sql.Integer, nullable=False, default=0),
    sql.Column("epoch", sql.Integer, nullable=False, default=0, comment="complete epochs"),
    sql.Column("step", sql.Integer, nullable=False, default=0, comment="updates done"),
    sql.Column("steps", sql.Integer, nullable=False, default=0, comment="updates in all, 0 before the first start"),
    sql.Column("seconds", sql.Double, nullable=False, default=0.0, comment="of training, over all attempts"),
    sql.Column(
        "beat",
        sql.Double,
        key="heartbeat",
        nullable=False,
        default=0.0,
        comment="monotonic seconds of this machine; a hint, never a verdict",
    ),
    sql.Column("memory", sql.BigInteger, nullable=False, default=0, comment="bytes predicted"),
    sql.Column("notes", sql.Text, nullable=False, default=""),
    sql.Column("tags", sql.Text, nullable=False, default="[]", comment="JSON list"),
    sql.Column(
        "home",
        sql.String(40),
        nullable=False,
        default="",
        server_default="",
        comment="the id of the data directory in which its files and its worker are",
    ),
    sql.Column(
        "host",
        sql.String(255),
        nullable=False,
        default="",
        server_default="",
        comment="the name of the machine on which it was made or started last",
    ),
    sql.Column(
        "place",
        sql.String(20),
        nullable=False,
        default="",
        server_default="",
        comment="who starts and watches its worker: '' a manager on its host, 'ray' a Ray cluster",
    ),
    *_ownership(),
    # Lists of states are read from it alone: a row is several pages long.
    sql.Index("runs_listed", "home", "created", "id", "status", "owner", "shared"),
)
NETWORKS = sql.Table(
    "networks",
    META,
    sql.Column("digest", sql.String(64), primary_key=True, comment="SHA-256 of runs.architecture"),
    sql.Column("revision", sql.Integer, nullable=False, comment="of the rules by which the rest was found"),
    sql.Column("structure", sql.String(64), nullable=False, comment="equal but for name and notes; '' for no network"),
    sql.Column("numbers", sql.Text, nullable=False, comment="JSON: metrics by their keys"),
)
METRICS = sql.Table(
    "metrics",
    META,
    sql.Column("run", sql.String(40), primary_key=True),
    sql.Column("series", sql.String(120), primary_key=True),
    sql.Column("step", sql.Integer, primary_key=True, autoincrement=False),
    sql.Column("value", sql.Double, nullable=False),
    sql.Column("seconds", sql.Double, nullable=False, comment="of training until then"),
    sqlite_with_rowid=False,
)
DOCUMENTS = sql.Table(
    "documents",
    META,
    sql.Column("run", sql.String(40), primary_key=True),
    sql.Column("name", sql.String(120), primary_key=True),
    sql.Column("step", sql.Integer, primary_key=True, autoincrement=False),
    sql.Column("data", sql.Text, nullable=False, comment="JSON: confusion matrices, predictions, environment records"),
)
EVENTS = sql.Table(
    "events",
    META,
    sql.Column("id", sql.Integer, primary_key=True),
    sql.Column("run", sql.String(40), nullable=False, index=True),
    sql.Column("at", sql.Double, nullable=False, comment="seconds since 1970, for people only"),
    sql.Column("text", sql.Text, nullable=False),
)
EXPERIMENTS = sql.Table(
    "experiments",
    META,
    sql.Column("id", sql.String(40), primary_key=True),
    sql.Column("name", sql.Text, nullable=False),
    sql.Column("created", sql.Double, nullable=False, comment="seconds since 1970, for people only"),
    sql.Column("plan", sql.Text, nullable=False, comment="JSON"),
    *_ownership(),
)
TRIALS = sql.Table(
    "trials",
    META,
    sql.Column("run", sql.String(40), primary_key=True),
    sql.Column("experiment", sql.String(40), nullable=False),
    sql.Column("variant", sql.String(500), nullable=False),
    sql.Column("seed", sql.BigInteger, nullable=False),
    sql.UniqueConstraint("experiment", "variant", "seed"),  # of two who add the same run, one fails
)
TURNS = sql.Table(
    "turns",
    META,
    sql.Column("run", sql.String(40), primary_key=True),
    sql.Column("owner", sql.String(64), nullable=False, comment="as in runs, whose rows are long"),
    sql.Column("queued", sql.Integer, nullable=False, comment="how many turns had been given when it was queued"),
    sql.Column("begun", sql.Integer, nullable=False, comment="the number of its own last turn; 0: it had none"),
)
PEOPLE = sql.Table(
    "people",
    META,
    sql.Column("id", sql.String(64), primary_key=True),
    sql.Column("name", sql.Text, nullable=False),
    sql.Column("email", sql.Text, nullable=False),
    sql.Column("first_seen", sql.Double, nullable=False, comment="seconds since 1970, for people only"),
    sql.Column("last_seen", sql.Double, nullable=False, comment="seconds since 1970, for people only"),
)
AUDIT = sql.Table(
    "audit",
    META,
    sql.Column("id", sql.Integer, primary_key=True),
    sql.Column("at", sql.Double, nullable=False, comment="seconds since 1970, for people only"),
    sql.Column("person", sql.String(64), nullable=False),
    sql.Column("action", sql.String(40), nullable=False, comment="what was done, such as 'delete'"),
    sql.Column("object", sql.String(500), nullable=False, comment="to what, such as 'run 20260131-142501-0fa3c2'"),
    sql.Column("detail", sql.Text, nullable=False),
    sql.Index("audit_of", "person", "at"),
)
ENTRIES = sql.Table(
    "entries",
    META,
    sql.Column("id", sql.String(40), primary_key=True),
    sql.Column("challenge", sql.String(40), nullable=False, comment="a row of experiments"),
    sql.Column("person", sql.String(64), nullable=False, comment="'' without sign-in"),
    sql.Column("name", sql.String(120), nullable=False, comment="on the board"),
    sql.Column("run", sql.String(40), nullable=False),
    sql.Column("at", sql.Double, nullable=False, comment="seconds since 1970, for people only"),
    sql.Column("data", sql.Text, nullable=False, comment="JSON: what the run had reached, and its network"),
    sql.UniqueConstraint("challenge", "run"),
)
