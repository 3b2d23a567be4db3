"""The options of the libvirt driver, registered by the core's loader under ``[libvirt]``."""

from types import SimpleNamespace

from oslo_config import cfg

OPTIONS = [
    # Where.
    cfg.StrOpt(
        "connection_uri",
        default="qemu:///system",
        help="The hypervisor. test:///default needs none and runs guests of nothing.",
    ),
    cfg.StrOpt("host_name", default="", help="Name of the host; empty: that of the compute process."),
    cfg.StrOpt("host_ip", default="127.0.0.1", help="Address of the host, as the API shows it."),
    cfg.StrOpt(
        "instances_path", default="", help="Directory of the guests' disks; empty: libvirt/instances below state_path."
    ),
    cfg.StrOpt(
        "images_path", default="", help="Directory of cached images; empty: libvirt/images below state_path."
    ),
    cfg.IntOpt(
        "unused_images_s", default=86400, min=300, help="Cached images that no guest stands on are removed after this."
    ),
    # What the host offers.
    cfg.FloatOpt("cpu_allocation_ratio", default=4.0, min=0.001, help="vCPUs that may be claimed per CPU."),
    cfg.FloatOpt("ram_allocation_ratio", default=1.0, min=0.001, help="MiB that may be claimed per MiB of RAM."),
    cfg.FloatOpt("disk_allocation_ratio", default=1.0, min=0.001, help="GiB that may be claimed per GiB of disk."),
    cfg.IntOpt("reserved_host_cpus", default=0, min=0, help="CPUs that are not for guests."),
    cfg.IntOpt("reserved_host_memory_mb", default=512, min=0, help="MiB of RAM that are not for guests."),
    cfg.IntOpt("reserved_host_disk_mb", default=0, min=0, help="MiB of disk that are not for guests."),
    cfg.ListOpt(
        "cpu_dedicated_set", default=[], help="CPUs for pinned vCPUs (2,3 or 2-3); all others are shared by the rest."
    ),
    # What guests are like.
    cfg.StrOpt(
        "virt_type",
        default="auto",
        choices=["auto", "kvm", "qemu"],
        help="auto takes kvm when a small guest has run on it, and else qemu, which emulates.",
    ),
    cfg.StrOpt("machine_type", default="pc", help="Machine of guests whose image has no hw_machine_type: pc or q35."),
    cfg.StrOpt(
        "cpu_mode",
        default="",
        choices=["", "host-model", "host-passthrough", "maximum", "custom", "none"],
        help="CPU of guests; empty: host-model on kvm, and the emulator's own on qemu.",
    ),
    cfg.StrOpt("cpu_model", default="", help="For cpu_mode = custom: the model."),
    cfg.StrOpt("disk_bus", default="virtio", help="Bus of disks, unless the image has hw_disk_bus."),
    cfg.StrOpt("vif_model", default="virtio", help="Model of network interfaces, unless the image has hw_vif_model."),
    cfg.StrOpt("video_model", default="vga", help="Video card, unless the image has hw_video_model; none: no screen."),
    cfg.StrOpt("disk_cachemode", default="none", help="Cache mode of disks: none, writeback, writethrough, unsafe."),
    cfg.StrOpt("vnc_listen", default="127.0.0.1", help="Address that screens (VNC) listen on; empty: no screens."),
    cfg.BoolOpt("rng", default=True, help="Give guests the host's randomness."),
    cfg.IntOpt("mem_stats_period_s", default=10, min=0, help="Seconds between looks into a guest's memory; 0: none."),
    cfg.IntOpt("num_pcie_ports", default=12, min=0, max=28, help="Sockets for disks and interfaces on q35 machines."),
    # How long.
    cfg.IntOpt("wait_soft_reboot_seconds", default=120, min=1, help="What a guest is given to shut down to reboot."),
    cfg.FloatOpt("shutdown_retry_s", default=5.0, min=0.1, help="Seconds between two presses of the power button."),
    cfg.IntOpt("connect_timeout_s", default=60, min=1, help="How long libvirt may take to answer at the start."),
]  # fmt: skip


def defaults() -> SimpleNamespace:
    """Return a section in which nothing is set, for a driver that nobody configures."""
    return SimpleNamespace(**{option.dest: option.default for option in OPTIONS})
