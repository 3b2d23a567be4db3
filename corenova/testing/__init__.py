"""What tests of corenova and of plug-ins stand on: an in-process cloud with faults by name."""
