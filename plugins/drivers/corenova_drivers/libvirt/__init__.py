"""The libvirt driver: guests of QEMU on the machine of the compute process."""
