"""What the tests of image and network backends stand on: an empty database, and the backend, started on it."""

import pytest

from corenova.db.engine import Database
from corenova.objects.context import RequestContext
from corenova.testing import empty_database
from corenova.testing.suites.base import PluginSuite

UNKNOWN = "99999999-9999-4999-8999-999999999999"
RUBBISH = ("", "no-uuid", "../../etc/passwd", "x" * 300, UNKNOWN)
"""Ids of nothing."""


class RolledBack(Exception):
    """What ends a transaction that is not to be."""


class BackendGround(PluginSuite):
    """A backend of a service beside compute."""

    @pytest.fixture
    def db(self, tmp_path):
        """A database of corenova, empty; a backend that lives elsewhere has no use for it."""
        file = tmp_path / "corenova.sqlite"
        empty_database.put(file)
        db = Database(f"sqlite:///{file}")
        yield db
        db.close()

    @pytest.fixture
    def backend(self, db, tmp_path):
        """The backend, started."""
        ini = {"DEFAULT": {"state_path": tmp_path / "state"}}
        backend = self.load(ini).object
        backend.start(db, self.configuration(ini))
        self.started(backend)
        return backend

    def started(self, backend: object) -> None:
        """Override it for what else a process does with the backend before it is asked anything."""

    @pytest.fixture
    def context(self):
        """A member of the project ``p``; override it where the backend knows projects of its own."""
        return RequestContext(request_id="", user_id="u", project_id="p", roles=("member", "reader"))

    @pytest.fixture
    def within(self, db):
        """Return a function that calls its argument with an open transaction, and commits."""
        return lambda work: db.write("test", work)

    @pytest.fixture
    def in_vain(self, db):
        """Return a function that calls its argument with an open transaction, and rolls that back."""

        def run(work):
            def rolled_back(connection):
                work(connection)
                raise RolledBack

            with pytest.raises(RolledBack):
                db.write("test", rolled_back)

        return run

    def check_verbs(self, backend: object, *verbs: str) -> None:
        """Fail for verbs that are not there."""
        missing = [verb for verb in verbs if not callable(getattr(backend, verb, None))]
        assert not missing, f"the backend has no {', '.join(missing)}"
