"""The plug board of corenova-filters: a filter or weigher is registered under its class name."""

from setuptools import find_packages, setup

setup(
    packages=find_packages(include=["corenova_filters", "corenova_filters.*"]),
    entry_points={
        "corenova.scheduler.filters": [
            "AllHostsFilter = corenova_filters.filters.all_hosts_filter:AllHostsFilter",
            "ComputeCapabilitiesFilter = "
            "corenova_filters.filters.compute_capabilities_filter:ComputeCapabilitiesFilter",
            "ComputeFilter = corenova_filters.filters.compute_filter:ComputeFilter",
            "ImagePropertiesFilter = corenova_filters.filters.image_properties_filter:ImagePropertiesFilter",
            "ServerGroupAffinityFilter = "
            "corenova_filters.filters.server_group_affinity_filter:ServerGroupAffinityFilter",
            "ServerGroupAntiAffinityFilter = "
            "corenova_filters.filters.server_group_anti_affinity_filter:ServerGroupAntiAffinityFilter",
        ],
        "corenova.scheduler.weighers": [
            "BuildFailureWeigher = corenova_filters.weighers.build_failure_weigher:BuildFailureWeigher",
            "CPUWeigher = corenova_filters.weighers.cpu_weigher:CPUWeigher",
            "DiskWeigher = corenova_filters.weighers.disk_weigher:DiskWeigher",
            "RAMWeigher = corenova_filters.weighers.ram_weigher:RAMWeigher",
            "ServerGroupSoftAffinityWeigher = "
            "corenova_filters.weighers.server_group_soft_affinity_weigher:ServerGroupSoftAffinityWeigher",
            "ServerGroupSoftAntiAffinityWeigher = "
            "corenova_filters.weighers.server_group_soft_anti_affinity_weigher:ServerGroupSoftAntiAffinityWeigher",
        ],
    },
)
