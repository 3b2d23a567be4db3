"""The heartbeat of a service that has the database: that it lives, what is wrong with it, how its plug-ins do."""

import logging
import threading

import sqlalchemy as sa

import corenova
from corenova.cmd.parts import Parts
from corenova.db import plugin_accounts, services
from corenova.objects.plugin_account import ServiceReport

LOG = logging.getLogger(__name__)


class Heartbeat:
    """Keeps what the database has of a service alive.

    :param binary: the service; the API has no services row, and tells of its plug-ins alone.
    """

    def __init__(self, parts: Parts, binary: str):
        self._parts = parts
        self._binary = binary
        self._is_listed = binary != services.API
        self._stopped = threading.Event()
        self._lock = threading.Lock()  # no beat after the good-bye
        self._who = {"binary": binary, "address": parts.name, "incarnation": parts.incarnation}

    def start(self) -> None:
        """Register and begin to beat."""
        self._register()
        threading.Thread(target=self._beat, name=f"beat-{self._binary}", daemon=True).start()

    def stop(self) -> None:
        """Say that the service has stopped in good order."""
        self._stopped.set()
        report = self._parts.report(self._binary)

        def withdraw(connection: sa.Connection) -> None:
            if self._is_listed:
                services.withdraw(connection, **self._who, alarms=report.alarms)
            plugin_accounts.withdraw(connection, binary=self._binary, incarnation=self._parts.incarnation)

        with self._lock:
            self._parts.db.write("service.withdraw", withdraw)

    def _register(self) -> None:
        report = self._parts.report(self._binary)

        def register(connection: sa.Connection) -> None:
            if self._is_listed:
                services.register(connection, hosts=[self._parts.name], version=corenova.__version__, **self._who)
            self._tell(connection, report)

        self._parts.db.write("service.register", register)

    def _tell(self, connection: sa.Connection, report: ServiceReport) -> bool:
        """Tell of the service; False: it is not registered."""
        is_known = not self._is_listed or services.heartbeat(connection, **self._who, alarms=report.alarms)
        if is_known:
            plugin_accounts.tell(connection, **self._who, accounts=report.accounts)
        return is_known

    def _beat(self) -> None:
        while not self._stopped.wait(self._parts.conf.report_interval):
            try:
                report = self._parts.report(self._binary)
                with self._lock:
                    if self._stopped.is_set():
                        return
                    if not self._parts.db.write("service.heartbeat", lambda c, r=report: self._tell(c, r)):
                        self._register()
            except Exception as error:
                LOG.warning("No heartbeat of %s: %s", self._binary, error)
