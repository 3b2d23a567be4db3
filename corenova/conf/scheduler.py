"""[scheduler]: how hard a placement is tried."""

from oslo_config import cfg

GROUP = "scheduler"
OPTIONS = [
    cfg.IntOpt("max_attempts", default=3, min=1, help="Hosts that are tried for one build, the first included."),
    cfg.FloatOpt(
        "refresh_interval_s",
        default=1.0,
        min=0.05,
        help="How old the scheduler's picture of the hosts may be. Claims are checked against the database in any "
        "case, and nothing is called unplaceable before a fresh look.",
    ),
    cfg.IntOpt(
        "decision_retention",
        default=7 * 24 * 3600,
        min=0,
        help="Seconds after which it is forgotten why a server was placed where it is, or nowhere, and what the hosts "
        "were like then (corenova-manage replay). 0 keeps the reasons as long as the server, and the rest for a week.",
    ),
    cfg.BoolOpt(
        "limit_tenants_to_placement_aggregate",
        default=False,
        help="Servers of a project that aggregates name in filter_tenant_id (or filter_tenant_id1, ...) run only on "
        "hosts of those aggregates.",
    ),
    cfg.BoolOpt(
        "placement_aggregate_required_for_tenants",
        default=False,
        help="With the option above: a project that no aggregate names fits nowhere.",
    ),
    cfg.BoolOpt(
        "enable_isolated_aggregate_filtering",
        default=False,
        help="Hosts of an aggregate with the metadata trait:NAME=required take only servers that require this trait.",
    ),
    cfg.BoolOpt(
        "query_placement_for_image_type_support",
        default=False,
        help="A server needs a host with the trait COMPUTE_IMAGE_TYPE_<FORMAT> of its image's disk format.",
    ),
    cfg.BoolOpt(
        "image_metadata_prefilter",
        default=False,
        help="Properties of the image (hw_disk_bus, hw_cdrom_bus, hw_video_model, hw_vif_model, hw_architecture, "
        "hw_emulation_architecture, hw_viommu_model) need hosts with the traits that stand for them.",
    ),
]
