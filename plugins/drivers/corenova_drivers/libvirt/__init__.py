"""The libvirt driver: real guests, on QEMU with or without KVM. driver.py has the verbs; read build.py next."""
