"""Hypervisor drivers for corenova, each registered under its lower-case name in setup.py."""
