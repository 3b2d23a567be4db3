"""[filter_scheduler]: which plug-ins decide, with Nova's names so that a section of nova.conf carries over."""

from oslo_config import cfg

GROUP = "filter_scheduler"
OPTIONS = [
    cfg.MultiStrOpt(
        "available_filters",
        default=["nova.scheduler.filters.all_filters"],
        help="Class paths of filters written for Nova, or of functions that return such classes, which enabled_filters "
        "may then name by class name; see docs/nova-plugins.md. nova.scheduler.filters.all_filters means what is "
        "installed, which is available in any case.",
    ),
    cfg.ListOpt(
        "enabled_filters",
        default=[
            "ComputeFilter",
            "ComputeCapabilitiesFilter",
            "ImagePropertiesFilter",
            "ServerGroupAntiAffinityFilter",
            "ServerGroupAffinityFilter",
        ],
        help="Filters in the order in which they are asked; any installed entry point of corenova.scheduler.filters.",
    ),
    cfg.ListOpt(
        "weight_classes",
        default=[
            "RAMWeigher",
            "CPUWeigher",
            "DiskWeigher",
            "IoOpsWeigher",
            "NumInstancesWeigher",
            "PCIWeigher",
            "ServerGroupSoftAffinityWeigher",
            "ServerGroupSoftAntiAffinityWeigher",
            "BuildFailureWeigher",
            "HypervisorVersionWeigher",
            "ImagePropertiesWeigher",
        ],
        help="Weighers; any installed entry point of corenova.scheduler.weighers, or the class path of a weigher "
        "written for Nova (see docs/nova-plugins.md). nova.scheduler.weights.all_weighers means this default.",
    ),
    cfg.StrOpt(
        "weight_normalization",
        default="min-max",
        choices=[
            ("min-max", "over the candidates of each decision, as Nova does"),
            ("fixed", "by the scale that each weigher declares; many times faster on large fleets"),
        ],
        help="How the weights of a weigher become numbers between 0 and 1 before they are multiplied and summed.",
    ),
    cfg.IntOpt("host_subset_size", default=1, min=1, help="Choose at random among this many best hosts."),
    cfg.BoolOpt(
        "shuffle_best_same_weighed_hosts", default=False, help="Choose at random among hosts of equal, best weight."
    ),
    cfg.FloatOpt("ram_weight_multiplier", default=1.0, help="Free RAM. Positive spreads, negative stacks."),
    cfg.FloatOpt("cpu_weight_multiplier", default=1.0, help="Free vCPUs. Positive spreads, negative stacks."),
    cfg.FloatOpt("disk_weight_multiplier", default=1.0, help="Free disk. Positive spreads, negative stacks."),
    cfg.FloatOpt("io_ops_weight_multiplier", default=-1.0, help="Builds under way. Negative avoids busy hosts."),
    cfg.FloatOpt(
        "num_instances_weight_multiplier",
        default=0.0,
        help="Instances, whatever their size. Positive stacks; 0 is off.",
    ),
    cfg.FloatOpt(
        "pci_weight_multiplier", default=1.0, min=0.0, help="Keep hosts with free PCI devices for those who need them."
    ),
    cfg.FloatOpt(
        "best_fit_weight_multiplier", default=1.0, help="How full a host would be in vCPUs and RAM. Positive stacks."
    ),
    cfg.FloatOpt("soft_affinity_weight_multiplier", default=1.0, help="Members of the server's soft-affinity group."),
    cfg.FloatOpt(
        "soft_anti_affinity_weight_multiplier", default=1.0, help="Members of the server's soft-anti-affinity group."
    ),
    cfg.FloatOpt(
        "build_failure_weight_multiplier",
        default=1000000.0,
        help="Builds that failed in a row on a host; applied negatively.",
    ),
    cfg.FloatOpt(
        "hypervisor_version_weight_multiplier",
        default=1.0,
        help="Version of the hypervisor. Positive prefers newer ones; set it to 0 where hypervisors are mixed.",
    ),
    cfg.FloatOpt(
        "image_props_weight_multiplier",
        default=0.0,
        help="Instances whose images share properties. Positive stacks, negative spreads, 0 is off.",
    ),
]
