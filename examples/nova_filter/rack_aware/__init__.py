"""Racks as host aggregates with the metadata ``rack``."""
