"""Scheduler filters and weighers for corenova under Nova's names: one class a file, each one registered in setup.py."""
