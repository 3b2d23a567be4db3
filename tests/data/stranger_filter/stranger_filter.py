"""A whole plug-in: no base class, no import of corenova. Used by tests/architecture/test_packaging.py."""


class OnlyNumberSevenFilter:
    """Passes hosts whose name ends in 007."""

    def host_passes(self, host_state, spec):
        """Return True for number seven."""
        return host_state.host.endswith("007")

    def reason(self, host_state, spec):
        """Say what is wrong with the others."""
        return "it is not number seven"
