"""The image contract (corenova/contracts/image.py) as tests, of what holds for every backend."""

import uuid
from typing import ClassVar

import pytest

from corenova import loader
from corenova.contracts.image import ImageBackend
from corenova.exceptions import InvalidInput, NotFound, Unavailable
from corenova.objects.image import ImageAccess
from corenova.objects.request_spec import ImageMeta
from corenova.testing.suites.backend_ground import RUBBISH, BackendGround
from corenova.testing.words import contract


class ImageBackendSuite(BackendGround):
    """An image backend keeps the contract; inherit, name it, and override ``image`` where it has one to show."""

    group: ClassVar[str] = loader.IMAGE_BACKENDS

    @pytest.fixture
    def image(self, backend):
        """The id of an image that the project of ``context`` may boot from; None: tests of one are skipped."""
        return

    @pytest.fixture
    def snapshot(self, backend, context, within):
        """The id of a snapshot that was made and has no bytes yet."""
        image_id = str(uuid.uuid4())
        within(lambda c: backend.new_snapshot(c, context, image_id, "snap", {"a": "b"}, min_disk=1, min_ram=64))
        return image_id

    @contract(ImageBackend)
    def test_every_verb_is_there(self, backend):
        """Whatever is missing is named."""
        self.check_verbs(backend, "find_image", "reading", "new_snapshot", "writing", "has_bytes", "give_up")

    @contract(ImageBackend.find_image)
    @pytest.mark.parametrize("image_id", RUBBISH)
    @pytest.mark.parametrize("is_admin", [True, False])
    def test_an_image_that_is_not_there_is_not_found(self, backend, image_id, is_admin):
        """Whatever is sent as its id."""
        with pytest.raises(NotFound):
            backend.find_image(image_id, "p", is_admin=is_admin)

    @contract(ImageBackend.find_image)
    def test_an_image_is_found_twice_alike(self, backend, image, context):
        """With the facts that placement and the driver need."""
        if image is None:
            pytest.skip("the fixture image gives none")
        found = backend.find_image(image, context.project_id)
        assert isinstance(found, ImageMeta) and found.id == image
        assert backend.find_image(image, context.project_id) == found

    @contract(ImageBackend.reading, ImageBackend.writing, ImageBackend.has_bytes, ImageBackend.give_up)
    @pytest.mark.parametrize("image_id", RUBBISH)
    def test_of_an_image_that_is_not_there_nothing_can_be_had_and_nothing_given_up(self, backend, within, image_id):
        """None, False, and no error."""
        assert within(lambda c: backend.reading(c, image_id)) is None
        assert within(lambda c: backend.writing(c, image_id)) is None
        assert within(lambda c: backend.has_bytes(c, image_id)) is False
        within(lambda c: backend.give_up(c, image_id))

    @contract(ImageBackend.new_snapshot, ImageBackend.find_image)
    def test_a_snapshot_without_bytes_cannot_be_booted_and_is_its_projects(self, backend, snapshot, context):
        """InvalidInput for its project, NotFound for another one."""
        with pytest.raises(InvalidInput):
            backend.find_image(snapshot, context.project_id)
        with pytest.raises(NotFound):
            backend.find_image(snapshot, "somebody else")

    @contract(ImageBackend.reading, ImageBackend.writing, ImageBackend.has_bytes)
    def test_a_snapshot_without_bytes_can_be_written_and_not_read(self, backend, snapshot, within):
        """Again is no other leave than before, for a compute that asks again."""
        for _ in range(2):
            try:
                leave = within(lambda c: backend.writing(c, snapshot))
            except Unavailable as error:
                pytest.skip(f"nobody serves the bytes here: {error}")
            assert isinstance(leave, ImageAccess), f"writing returns {leave!r}"
            assert leave.image_id == snapshot
            assert within(lambda c: backend.reading(c, snapshot)) is None
            assert within(lambda c: backend.has_bytes(c, snapshot)) is False

    @contract(ImageBackend.give_up)
    def test_a_snapshot_that_has_failed_is_gone(self, backend, snapshot, context, within):
        """Twice."""
        for _ in range(2):
            within(lambda c: backend.give_up(c, snapshot))
        assert within(lambda c: backend.writing(c, snapshot)) is None
        with pytest.raises(NotFound):
            backend.find_image(snapshot, context.project_id)

    @contract(ImageBackend)
    def test_a_transaction_that_is_rolled_back_leaves_nothing_that_cannot_be_given_up(
        self, backend, context, within, in_vain
    ):
        """Whether the backend lives in the database or elsewhere."""
        image_id = str(uuid.uuid4())
        in_vain(lambda c: backend.new_snapshot(c, context, image_id, "snap", {}, min_disk=0, min_ram=0))
        within(lambda c: backend.give_up(c, image_id))
        with pytest.raises(NotFound):
            backend.find_image(image_id, context.project_id)

    @contract(ImageBackend.reading)
    def test_leave_to_read_is_for_this_image(self, backend, image, within):
        """Or none, when there are no bytes."""
        if image is None:
            pytest.skip("the fixture image gives none")
        leave = within(lambda c: backend.reading(c, image))
        assert leave is None or (isinstance(leave, ImageAccess) and leave.image_id == image)
        assert leave is None or within(lambda c: backend.writing(c, image)) is None, (
            "an image with bytes can be written"
        )
