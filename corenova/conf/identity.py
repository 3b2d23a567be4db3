"""[identity]: the embedded identity service."""

from oslo_config import cfg

GROUP = "identity"
OPTIONS = [
    cfg.IntOpt("token_expiration_s", default=3600 * 24, min=60, help="Seconds for which a token is good."),
    cfg.IntOpt(
        "cache_s",
        default=5,
        min=0,
        help="Seconds for which a validated token is believed without another look at its user and roles.",
    ),
]
