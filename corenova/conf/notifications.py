"""[notifications]: versioned notifications on the bus, in Nova's format."""

from oslo_config import cfg

GROUP = "notifications"
OPTIONS = [
    cfg.StrOpt(
        "notification_format",
        default="none",
        choices=[
            ("none", "Nothing is sent"),
            ("versioned", "Versioned notifications on the topics below; a queue without a reader grows for ever"),
        ],
        help="Which notifications the services send.",
    ),
    cfg.ListOpt("versioned_notifications_topics", default=["versioned_notifications"], help="Topics to send to."),
]
