"""Weighers that break the contract, and one that does not; ``caught_by`` names the tests that must say so."""

import math

import numpy as np
from hypothesis import strategies as st

from corenova.testing.builders import host, request
from corenova.testing.suites import WeigherSuite

ALIKE = "test_it_weighs_alike_in_both_forms_and_twice_and_changes_nothing"
TRAITS = "test_its_traits_are_what_they_must_be"
SCALE = "test_its_scale_has_two_ends_that_no_claim_moves"


class Fine:
    multiplier_option = "ram_weight_multiplier"
    raw_column = "free_ram_mb"

    def weigh(self, host_state, spec):
        return float(host_state.free_ram_mb)

    def weights(self, hosts, spec):
        return hosts.free_ram_mb.astype(float)

    def scale(self, hosts):
        return 0.0, float(hosts.capacity("MEMORY_MB").max(initial=0))


class NotANumber:
    def weigh(self, host_state, spec):
        return math.nan


class Infinite:
    def weigh(self, host_state, spec):
        return math.inf if host_state.free_ram_mb > 0 else 0.0


class Words:
    def weigh(self, host_state, spec):
        return "heavy"


class WholeNumbers:
    def weights(self, hosts, spec):
        return np.array(hosts.free_ram_mb)


class TheColumnItself:
    def weights(self, hosts, spec):
        return hosts.vcpus_free


class FormsDisagree(Fine):
    raw_column = None

    def weights(self, hosts, spec):
        return -hosts.free_ram_mb.astype(float)


class WrongColumn(Fine):
    raw_column = "vcpus_free"


class NoSuchColumn(Fine):
    raw_column = "price"


class NoSuchOption(Fine):
    multiplier_option = "moon_weight_multiplier"


class Counts:
    asked = 0

    def weigh(self, host_state, spec):
        self.asked += 1
        return float(self.asked)


class ScaleByClaims(Fine):
    def scale(self, hosts):
        return 0.0, float(hosts.free_ram_mb.max(initial=0))


class ScaleUpsideDown(Fine):
    def scale(self, hosts):
        return 1.0, 0.0


class TellsApartWhatItDoesNotApplyTo(Fine):
    def applies(self, spec):
        return False


class NoForm:
    pass


CAUGHT = {
    Fine: (),
    NotANumber: (ALIKE,),
    Infinite: (ALIKE,),
    Words: (ALIKE,),
    WholeNumbers: (ALIKE,),
    TheColumnItself: (ALIKE,),
    FormsDisagree: (ALIKE,),
    WrongColumn: (ALIKE,),
    NoSuchColumn: (TRAITS,),
    NoSuchOption: (TRAITS,),
    Counts: (ALIKE,),
    ScaleByClaims: (SCALE,),
    ScaleUpsideDown: (SCALE,),
    TellsApartWhatItDoesNotApplyTo: ("test_what_is_none_of_its_business_weighs_the_same_everywhere",),
    NoForm: ("test_it_is_registered_under_its_class_name_and_offers_a_form",),
}


class Small(WeigherSuite):
    """A few hosts and requests of the test's own are enough for these."""

    hosts = st.builds(host, st.sampled_from(["h0", "h1", "h2"]), ram_mb=st.sampled_from([0, 64, 4096]))
    requests = st.builds(request, ram_mb=st.sampled_from([0, 64, 512]))


for written, caught_by in CAUGHT.items():
    name = f"Test{written.__name__}"
    globals()[name] = type(name, (Small,), {"plugin": written, "caught_by": caught_by})
