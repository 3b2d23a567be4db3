"""Filters that break the contract, and one that does not; ``caught_by`` names the tests that must say so."""

import numpy as np
from hypothesis import strategies as st

from corenova.testing.builders import host, request
from corenova.testing.suites import FilterSuite

ALIKE = "test_it_decides_alike_in_both_forms_and_twice_and_changes_nothing"
ALONE = "test_it_judges_each_host_by_itself"


class Fine:
    def host_passes(self, host_state, spec):
        return host_state.free_ram_mb >= spec.flavor.memory_mb

    def reason(self, host_state, spec):
        return "It has too little RAM."


class Raises(Fine):
    def host_passes(self, host_state, spec):
        return host_state.aggregates[0].name == "ssd"


class SaysNone(Fine):
    def host_passes(self, host_state, spec):
        return True if host_state.free_ram_mb > 0 else None


class SaysNumpyBool(Fine):
    def host_passes(self, host_state, spec):
        return np.int64(host_state.free_ram_mb) > 0


class ChangesTheRequest(Fine):
    def host_passes(self, host_state, spec):
        spec.scheduler_hints["seen"] = "yes"
        return True


class ChangesTheHost(Fine):
    def host_passes(self, host_state, spec):
        host_state.free_ram_mb = 0
        return True


class EveryOther(Fine):
    turn = False

    def host_passes(self, host_state, spec):
        self.turn = not self.turn
        return self.turn


class LooksAtTheOthers:
    def mask(self, hosts, spec):
        free = hosts.free_ram_mb
        return free >= (np.median(free) if len(free) else 0)


class FormsDisagree(Fine):
    def mask(self, hosts, spec):
        return hosts.free_ram_mb > spec.flavor.memory_mb


class MaskIsAList:
    def mask(self, hosts, spec):
        return [True] * len(hosts)


class MaskIsOfNumbers:
    def mask(self, hosts, spec):
        return np.ones(len(hosts))


class WritesAColumn:
    def mask(self, hosts, spec):
        hosts.free_ram_mb[:] = 0
        return np.ones(len(hosts), dtype=bool)


class AppliesToNobody(Fine):
    def applies(self, spec):
        return False


class NoWords(Fine):
    def reason(self, host_state, spec):
        return None


class NamesTheHost(Fine):
    def reason(self, host_state, spec):
        return f"{host_state.host} is full."


class NoForm:
    pass


class OddTraits(Fine):
    run_filter_once_per_request = "yes"


CAUGHT = {
    Fine: (),
    Raises: (ALIKE, ALONE),
    SaysNone: (ALIKE,),
    SaysNumpyBool: (ALIKE,),
    ChangesTheRequest: (ALIKE,),
    ChangesTheHost: (ALIKE,),
    EveryOther: (ALIKE,),
    LooksAtTheOthers: (ALONE,),
    FormsDisagree: (ALIKE,),
    MaskIsAList: (ALIKE,),
    MaskIsOfNumbers: (ALIKE,),
    WritesAColumn: (ALIKE,),
    AppliesToNobody: ("test_what_is_none_of_its_business_passes_every_host",),
    NoWords: ("test_it_has_words_for_every_no",),
    NamesTheHost: ("test_it_has_words_for_every_no",),
    NoForm: ("test_it_is_registered_under_its_class_name_and_offers_a_form",),
    OddTraits: ("test_its_traits_are_a_yes_or_a_no",),
}


class Small(FilterSuite):
    """A few hosts and requests of the test's own are enough for these."""

    hosts = st.builds(host, st.sampled_from(["h0", "h1", "h2"]), ram_mb=st.sampled_from([0, 64, 4096]))
    requests = st.builds(request, ram_mb=st.sampled_from([0, 64, 512]))


for written, caught_by in CAUGHT.items():
    name = f"Test{written.__name__}"
    globals()[name] = type(name, (Small,), {"plugin": written, "caught_by": caught_by})
