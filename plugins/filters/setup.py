"""The plug board of corenova-filters: a filter or weigher is registered under its class name."""

from setuptools import find_packages, setup

setup(
    packages=find_packages(include=["corenova_filters", "corenova_filters.*"]),
    entry_points={
        "corenova.scheduler.filters": [
            "AggregateImagePropertiesIsolation = "
            "corenova_filters.filters.aggregate_image_properties_isolation:AggregateImagePropertiesIsolation",
            "AggregateInstanceExtraSpecsFilter = "
            "corenova_filters.filters.aggregate_instance_extra_specs_filter:AggregateInstanceExtraSpecsFilter",
            "AggregateIoOpsFilter = corenova_filters.filters.aggregate_io_ops_filter:AggregateIoOpsFilter",
            "AggregateMultiTenancyIsolation = "
            "corenova_filters.filters.aggregate_multi_tenancy_isolation:AggregateMultiTenancyIsolation",
            "AggregateNumInstancesFilter = "
            "corenova_filters.filters.aggregate_num_instances_filter:AggregateNumInstancesFilter",
            "AggregateTypeAffinityFilter = "
            "corenova_filters.filters.aggregate_type_affinity_filter:AggregateTypeAffinityFilter",
            "AllHostsFilter = corenova_filters.filters.all_hosts_filter:AllHostsFilter",
            "ComputeCapabilitiesFilter = "
            "corenova_filters.filters.compute_capabilities_filter:ComputeCapabilitiesFilter",
            "ComputeFilter = corenova_filters.filters.compute_filter:ComputeFilter",
            "DifferentHostFilter = corenova_filters.filters.different_host_filter:DifferentHostFilter",
            "ImagePropertiesFilter = corenova_filters.filters.image_properties_filter:ImagePropertiesFilter",
            "IoOpsFilter = corenova_filters.filters.io_ops_filter:IoOpsFilter",
            "IsolatedHostsFilter = corenova_filters.filters.isolated_hosts_filter:IsolatedHostsFilter",
            "JsonFilter = corenova_filters.filters.json_filter:JsonFilter",
            "NUMATopologyFilter = corenova_filters.filters.numa_topology_filter:NUMATopologyFilter",
            "NumInstancesFilter = corenova_filters.filters.num_instances_filter:NumInstancesFilter",
            "PciPassthroughFilter = corenova_filters.filters.pci_passthrough_filter:PciPassthroughFilter",
            "SameHostFilter = corenova_filters.filters.same_host_filter:SameHostFilter",
            "ServerGroupAffinityFilter = "
            "corenova_filters.filters.server_group_affinity_filter:ServerGroupAffinityFilter",
            "ServerGroupAntiAffinityFilter = "
            "corenova_filters.filters.server_group_anti_affinity_filter:ServerGroupAntiAffinityFilter",
            "SimpleCIDRAffinityFilter = corenova_filters.filters.simple_cidr_affinity_filter:SimpleCIDRAffinityFilter",
        ],
        "corenova.scheduler.weighers": [
            "BestFitWeigher = corenova_filters.weighers.best_fit_weigher:BestFitWeigher",
            "BuildFailureWeigher = corenova_filters.weighers.build_failure_weigher:BuildFailureWeigher",
            "CPUWeigher = corenova_filters.weighers.cpu_weigher:CPUWeigher",
            "DiskWeigher = corenova_filters.weighers.disk_weigher:DiskWeigher",
            "HypervisorVersionWeigher = corenova_filters.weighers.hypervisor_version_weigher:HypervisorVersionWeigher",
            "ImagePropertiesWeigher = corenova_filters.weighers.image_properties_weigher:ImagePropertiesWeigher",
            "IoOpsWeigher = corenova_filters.weighers.io_ops_weigher:IoOpsWeigher",
            "NumInstancesWeigher = corenova_filters.weighers.num_instances_weigher:NumInstancesWeigher",
            "PCIWeigher = corenova_filters.weighers.pci_weigher:PCIWeigher",
            "RAMWeigher = corenova_filters.weighers.ram_weigher:RAMWeigher",
            "ServerGroupSoftAffinityWeigher = "
            "corenova_filters.weighers.server_group_soft_affinity_weigher:ServerGroupSoftAffinityWeigher",
            "ServerGroupSoftAntiAffinityWeigher = "
            "corenova_filters.weighers.server_group_soft_anti_affinity_weigher:ServerGroupSoftAntiAffinityWeigher",
        ],
    },
)
