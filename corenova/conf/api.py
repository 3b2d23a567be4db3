"""[api]: the HTTP side, for all services that share the port."""

from oslo_config import cfg

GROUP = "api"
OPTIONS = [
    cfg.HostAddressOpt("bind_host", default="127.0.0.1", help="Address to listen on."),
    cfg.PortOpt("bind_port", default=8774, help="Port to listen on; 0 takes a free one."),
    cfg.StrOpt(
        "public_url",
        help="What the catalog says clients should use, for instance https://cloud.example.org. "
        "Default: http://bind_host:bind_port.",
    ),
    cfg.IntOpt("threads", default=16, min=1, help="Requests served at the same time by one process."),
    cfg.IntOpt("max_request_body_size", default=114688, min=1024, help="Largest request body in bytes; beyond it 413."),
    cfg.IntOpt("max_limit", default=1000, min=1, help="Most entries in one page of a list."),
    cfg.StrOpt("region", default="RegionOne", help="Name of the region in the catalog."),
    cfg.BoolOpt(
        "enable_proxy_headers_parsing",
        default=False,
        help="Believe the headers X-Forwarded-For, -Proto and -Host. Only behind a proxy that sets them itself.",
    ),
]
