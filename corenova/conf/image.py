"""[image]: where images are, and what may become one."""

from oslo_config import cfg

GROUP = "image"
OPTIONS = [
    cfg.StrOpt(
        "backend",
        default="embedded",
        help="The image service: an entry point of corenova.image.backends.",
    ),
    cfg.StrOpt(
        "filesystem_store_datadir",
        default="",
        help="Directory for the bytes of images. Several API processes must share it. Empty: images below state_path.",
    ),
    cfg.StrOpt(
        "internal_url",
        help="Scheme, host and port under which computes reach the API for the bytes of images. Default: what clients "
        "use, [api] public_url or http://bind_host:bind_port.",
    ),
    cfg.FloatOpt("max_image_size_gb", default=1024.0, min=0, help="Largest upload in GiB; beyond it 413."),
    cfg.FloatOpt(
        "max_virtual_size_gb",
        default=4096.0,
        min=0,
        help="Largest disk in GiB that an image may unfold to, whatever the size of its file.",
    ),
    cfg.IntOpt("quota_images", default=-1, min=-1, help="Images of a project. -1: unlimited."),
    cfg.FloatOpt("quota_size_gb", default=-1, min=-1, help="GiB of a project's images together. -1: unlimited."),
    cfg.IntOpt("image_property_quota", default=128, min=-1, help="Properties of one image. -1: unlimited."),
    cfg.IntOpt("image_tag_quota", default=128, min=-1, help="Tags of one image. -1: unlimited."),
    cfg.IntOpt("image_member_quota", default=128, min=-1, help="Projects that share one image. -1: unlimited."),
    cfg.IntOpt(
        "upload_lease_s",
        default=60,
        min=3,
        help="Seconds after which an upload is given up whose API process has died: the image is queued again.",
    ),
    cfg.IntOpt(
        "ticket_lifetime_s",
        default=4 * 3600,
        min=60,
        help="Seconds within which a compute must begin to read or write an image after it was told to. Clocks of "
        "conductors and API processes that differ by more than this make tickets void.",
    ),
]
