"""[conductor]: how long work may stay in one hand, and when it is taken up again."""

from oslo_config import cfg

GROUP = "conductor"
OPTIONS = [
    cfg.IntOpt(
        "lease_s",
        default=20,
        min=2,
        max=30,
        help="A piece of work whose owner has not been heard of for this many seconds is given to somebody else.",
    ),
    cfg.IntOpt("sweep_interval_s", default=5, min=1, help="Seconds between two looks for work that nobody does."),
    cfg.IntOpt("sweep_batch", default=500, min=1, help="Most rows that one sweep takes up."),
    cfg.IntOpt(
        "build_deadline_s",
        default=600,
        min=1,
        help="A build that has not ended after this many seconds ends in ERROR with the reason; other work on a "
        "server is given up after as many.",
    ),
    cfg.IntOpt(
        "snapshot_deadline_s",
        default=7200,
        min=1,
        help="A snapshot that is not copied and uploaded after this many seconds is given up.",
    ),
    cfg.IntOpt("workers", default=2, min=1, help="Scheduling rounds that one conductor has under way at a time."),
]
