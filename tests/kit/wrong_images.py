"""Image backends that break the contract, and one that does not; ``caught_by`` names the tests that must say so."""

import pytest

from corenova.exceptions import InvalidInput, NotFound
from corenova.objects.image import ImageAccess
from corenova.objects.request_spec import ImageMeta
from corenova.testing.suites import ImageBackendSuite

CIRROS = "11111111-1111-4111-8111-111111111111"
NOT_THERE = "test_an_image_that_is_not_there_is_not_found"
NOTHING = "test_of_an_image_that_is_not_there_nothing_can_be_had_and_nothing_given_up"


class Fine:
    """Images in memory: one to boot from, and snapshots without bytes, by the project that they belong to."""

    def start(self, db, conf):
        self.queued = {}

    def find_image(self, image_id, project_id, *, is_admin=False):
        if image_id == CIRROS:
            return ImageMeta(id=CIRROS, name="cirros")
        if self.queued.get(image_id) == project_id:
            raise InvalidInput(f"Image {image_id} is not active.")
        raise NotFound(f"There is no image {image_id}.")

    def reading(self, connection, image_id):
        return ImageAccess(image_id=image_id, url="file:") if image_id == CIRROS else None

    def writing(self, connection, image_id):
        return ImageAccess(image_id=image_id, url="file:") if image_id in self.queued else None

    def has_bytes(self, connection, image_id):
        return image_id == CIRROS

    def new_snapshot(self, connection, context, image_id, name, properties, **facts):
        self.queued[image_id] = context.project_id

    def give_up(self, connection, image_id):
        self.queued.pop(image_id, None)


class KeyErrors(Fine):
    def find_image(self, image_id, project_id, *, is_admin=False):
        return {CIRROS: ImageMeta(id=CIRROS, name="cirros")}[image_id]


class FindsAnything(Fine):
    def find_image(self, image_id, project_id, *, is_admin=False):
        return ImageMeta(id=image_id, name="any")


class AnotherImage(Fine):
    def find_image(self, image_id, project_id, *, is_admin=False):
        return ImageMeta(id="other", name="cirros") if image_id == CIRROS else super().find_image(image_id, project_id)


class LeaveForAnything(Fine):
    def reading(self, connection, image_id):
        return ImageAccess(image_id=image_id, url="file:")


class GivesUpOnce(Fine):
    def give_up(self, connection, image_id):
        del self.queued[image_id]


class ShowsSnapshotsToAll(Fine):
    def find_image(self, image_id, project_id, *, is_admin=False):
        return super().find_image(image_id, self.queued.get(image_id, project_id))


class KeepsWhatHasFailed(Fine):
    def give_up(self, connection, image_id):
        pass


class LacksAVerb(Fine):
    writing = None


CAUGHT = {
    Fine: (),
    KeyErrors: (NOT_THERE,),
    FindsAnything: (NOT_THERE,),
    AnotherImage: ("test_an_image_is_found_twice_alike",),
    LeaveForAnything: (NOTHING,),
    GivesUpOnce: (NOTHING,),
    ShowsSnapshotsToAll: ("test_a_snapshot_without_bytes_cannot_be_booted_and_is_its_projects",),
    KeepsWhatHasFailed: ("test_a_snapshot_that_has_failed_is_gone",),
    LacksAVerb: ("test_every_verb_is_there",),
}


class WithImage(ImageBackendSuite):
    @pytest.fixture
    def image(self):
        return CIRROS


for written, caught_by in CAUGHT.items():
    name = f"Test{written.__name__}"
    globals()[name] = type(name, (WithImage,), {"plugin": written, "caught_by": caught_by})
