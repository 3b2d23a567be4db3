"""[pci]: names for PCI devices that flavors ask for, with Nova's name and form."""

from oslo_config import cfg

GROUP = "pci"
OPTIONS = [
    cfg.MultiStrOpt(
        "alias",
        default=[],
        sample_default=['{"name": "gpu", "vendor_id": "10de", "product_id": "1eb8", "device_type": "type-PCI"}'],
        help="A name for PCI devices, as JSON: name, vendor_id, product_id, device_type (type-PCI, type-PF, type-VF), "
        "numa_policy (required, legacy, preferred). A flavor asks with pci_passthrough:alias = name:count. May be "
        "given several times; the same name again is another kind of device that the name means.",
    ),
]
