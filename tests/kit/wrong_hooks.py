"""Hook plug-ins that break the contract, and one that does not; ``caught_by`` names the tests that must say so."""

import threading

from hypothesis import strategies as st
from oslo_config import cfg

from corenova.contracts.hooks import AdminRoute, hookimpl
from corenova.testing.builders import request
from corenova.testing.suites import HookSuite

EXIST = "test_it_listens_to_hooks_and_arguments_that_exist"
CREATE = "test_a_veto_of_a_create_is_nothing_or_a_sentence"
DELETE = "test_a_veto_of_a_delete_is_nothing_or_a_sentence"
OBSERVERS = "test_its_observers_take_what_they_are_told_and_change_nothing"


class Fine:
    options = [cfg.IntOpt("most", default=4)]

    def configure(self, section):
        self.most = section.most

    @hookimpl
    def config_options(self):
        return {"elsewhere": [cfg.StrOpt("word")]}

    @hookimpl
    def api_routes(self):
        return [AdminRoute("most/now", lambda query: {"most": self.most})]

    @hookimpl
    def api_create_pre(self, spec, count, usage):
        return "There are enough." if usage()["instances"] + count > self.most else None

    @hookimpl
    def api_delete_pre(self, instance):
        return "It is precious." if instance.display_name == "precious" else None

    @hookimpl
    def state_changed(self, instance, old_vm_state):
        return instance.vm_state

    @hookimpl
    def scheduler_create_post(self, hosts):
        return list(hosts)


class UnknownArgument:
    @hookimpl
    def state_changed(self, instance, colour):
        pass


class UnknownHook:
    @hookimpl
    def state_has_changed(self, instance):
        pass


class Deaf:
    def state_changed(self, instance):
        pass


class VetoIsTrue:
    @hookimpl
    def api_create_pre(self, count):
        return True


class VetoIsEmpty:
    @hookimpl
    def api_create_pre(self, count):
        return ""


class VetoRaises:
    @hookimpl
    def api_create_pre(self, spec):
        return spec.scheduler_hints["rack"]


class VetoChangesTheRequest:
    @hookimpl
    def api_create_pre(self, spec):
        spec.scheduler_hints["seen"] = "yes"


class VetoHangs:
    @hookimpl
    def api_create_pre(self, spec):
        threading.Event().wait()


class DeleteIsFalse:
    @hookimpl
    def api_delete_pre(self, instance):
        return False


class ObserverRaises:
    @hookimpl
    def compute_create_post(self, error):
        return error.upper()  # there may be none


class ObserverChanges:
    @hookimpl
    def conductor_create_post(self, hosts):
        hosts.clear()


class OptionsAreWords:
    @hookimpl
    def config_options(self):
        return {"elsewhere": ["word"]}


class RouteIsAPath:
    @hookimpl
    def api_routes(self):
        return [AdminRoute("/etc/../passwd", dict)]


class RouteAnswersNoJson:
    @hookimpl
    def api_routes(self):
        return [AdminRoute("now", lambda query: object())]


CAUGHT = {
    Fine: (),
    UnknownArgument: (EXIST,),
    UnknownHook: (EXIST,),
    Deaf: (EXIST, "test_every_method_that_is_called_like_a_hook_is_marked"),
    VetoIsTrue: (CREATE,),
    VetoIsEmpty: (CREATE,),
    VetoRaises: (CREATE,),
    VetoChangesTheRequest: (CREATE,),
    VetoHangs: (CREATE,),
    DeleteIsFalse: (DELETE,),
    ObserverRaises: (OBSERVERS,),
    ObserverChanges: (OBSERVERS,),
    OptionsAreWords: ("test_the_options_that_it_adds_are_options",),
    RouteIsAPath: ("test_the_resources_that_it_adds_answer",),
    RouteAnswersNoJson: ("test_the_resources_that_it_adds_answer",),
}


class Small(HookSuite):
    """A few requests of the test's own are enough for these; who hangs does so for a moment."""

    requests = st.builds(request, ram_mb=st.sampled_from([64, 512]))
    ini = {"plugins": {"veto_timeout_s": 0.05}}


for written, caught_by in CAUGHT.items():
    name = f"Test{written.__name__}"
    mine = {} if written is VetoHangs else {"ini": {}}
    globals()[name] = type(name, (Small,), {"plugin": written, "caught_by": caught_by, **mine})
