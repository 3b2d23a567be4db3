"""[database]: where the truth is kept."""

from oslo_config import cfg

GROUP = "database"
OPTIONS = [
    cfg.StrOpt(
        "connection",
        secret=True,
        sample_default="sqlite:///<state_path>/corenova.sqlite",
        help="SQLAlchemy URL of the database: sqlite:///..., postgresql+psycopg://... or mysql+pymysql://... "
        "Default: a SQLite file below state_path.",
    ),
    cfg.StrOpt(
        "sqlite_durability",
        default="normal",
        choices=[
            ("normal", "Survives the crash of any process; a power cut may lose the last moment"),
            ("full", "Survives a power cut too, at about twice the cost of a commit"),
        ],
        help="What a commit to SQLite survives.",
    ),
    cfg.IntOpt("max_pool_size", default=10, min=1, help="Connections that a process keeps open (not for SQLite)."),
    cfg.IntOpt("max_overflow", default=20, min=0, help="Connections beyond max_pool_size in a burst."),
    cfg.IntOpt(
        "max_retries",
        default=10,
        min=1,
        help="How often a whole transaction is tried when the database reports a deadlock or a lost connection.",
    ),
]
