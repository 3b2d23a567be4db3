"""The connection to libvirt: the only importer of its binding, the event loop, and the way back after libvirtd died.

A verb runs inside ``steady``: where the connection is lost under it, the verb runs once more on a new one, which it
may, because verbs are idempotent. Opening has a time limit, and keepalive messages end a call to a libvirtd that hangs;
of several calls that hang in one connection libvirt ends the first only, the others when that libvirtd is killed.
"""

import contextlib
import errno
import logging
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any, TypeVar

from corenova.exceptions import ConfigurationError, DriverError, GuestNotFound

try:
    import libvirt
except ImportError as error:
    raise ImportError(
        f"libvirt-python is missing ({error}): pip install 'corenova-drivers[libvirt]', "
        "which needs libvirt's headers (libvirt-dev), pkg-config and a C compiler"
    ) from None

LOG = logging.getLogger(__name__)
T = TypeVar("T")

KEEPALIVE_S, KEEPALIVE_COUNT = 5, 3
REOPEN_TIMEOUT_S = 10.0
RETURN_S = 5.0
INSIST_TIMES, INSIST_S = 4, 0.3
_NO_RULES = "Failed to apply firewall rules"
_LOST_DOMAINS = (libvirt.VIR_FROM_RPC, libvirt.VIR_FROM_REMOTE)
_LOST_CODES = (libvirt.VIR_ERR_SYSTEM_ERROR, libvirt.VIR_ERR_INTERNAL_ERROR, libvirt.VIR_ERR_RPC)


class Away(DriverError):
    """libvirtd does not answer."""


class Connection:
    """One connection, shared by all threads.

    :param on_event: called with a domain's name and uuid when something has happened to it; from the event thread, so
        it must neither block nor ask libvirt.
    """

    def __init__(self, uri: str, *, on_event: Callable[[str, str], None] = lambda name, uuid: None) -> None:
        self.uri = uri
        self._on_event = on_event
        self._lock = threading.Lock()
        self._open: Any = None
        self._closed = True
        self._attempt: Future[Any] | None = None
        self._failed_at, self._failure = 0.0, ""
        self._listening = -1

    def open(self, *, timeout_s: float) -> None:
        """Connect for the first time. Raises ConfigurationError with what to do."""
        _start_event_loop()
        try:
            self._open = self._connect(timeout_s)
        except libvirt.libvirtError as error:
            raise ConfigurationError(_why(self.uri, error)) from None
        except TimeoutError:
            raise ConfigurationError(
                f"[libvirt] connection_uri = {self.uri}: libvirtd has not answered for {timeout_s:g} s. Restart it."
            ) from None
        self._closed = False

    def close(self) -> None:
        """Disconnect; guests go on. Harmless when there is no connection."""
        self._closed = True
        with self._lock:
            self._let_go()

    def get(self) -> "libvirt.virConnect":
        """Return a live connection, a new one where the old one is lost. Raises Away."""
        asked_at = time.monotonic()
        with self._lock:
            if self._closed:
                raise DriverError("The libvirt driver is not started.")
            if self._open is not None and _is_alive(self._open):
                return self._open
            self._let_go()
            if self._failed_at > asked_at:  # who waited for the lock meanwhile need not wait once more
                raise Away(self._failure)
            try:
                self._open = self._connect(REOPEN_TIMEOUT_S)
            except (libvirt.libvirtError, TimeoutError) as error:
                why = str(error) or f"no answer for {REOPEN_TIMEOUT_S:g} s"
                self._failed_at, self._failure = time.monotonic(), f"libvirtd does not answer at {self.uri}: {why}"
                raise Away(self._failure) from None
            LOG.info("Connected to %s again.", self.uri)
            return self._open

    def steady(self, act: Callable[[], T]) -> T:
        """Return what ``act`` returns; run it once more when the connection is lost under it.

        A libvirtd that is being restarted is given RETURN_S to be back; what begins while it is away fails at once.
        Raises GuestNotFound and DriverError in place of libvirt's errors.
        """
        self.get()
        try:
            return act()
        except libvirt.libvirtError as error:
            if not self._is_lost(error):
                raise mapped(error) from error
            LOG.warning("The connection to %s was lost: %s; trying again.", self.uri, error)
        except Away as error:
            LOG.warning("%s; trying again.", error)
        self._await_return()
        try:
            return act()
        except libvirt.libvirtError as error:
            raise mapped(error) from error

    def _await_return(self) -> None:
        deadline = time.monotonic() + RETURN_S
        while True:
            try:
                self.get()
                return
            except Away:
                if time.monotonic() > deadline:
                    raise
            time.sleep(0.1)

    def _is_lost(self, error: "libvirt.libvirtError") -> bool:
        if error.get_error_code() == libvirt.VIR_ERR_INVALID_CONN or error.get_error_domain() in _LOST_DOMAINS:
            return True
        return error.get_error_code() in _LOST_CODES and not (self._open is not None and _is_alive(self._open))

    def _connect(self, timeout_s: float) -> "libvirt.virConnect":
        """Open in a thread of its own: a libvirtd that hangs would hold the caller for ever. Whoever comes after a
        caller that gave up waits for the same attempt, so that no more than one hangs."""
        if self._attempt is None:
            self._attempt = Future()
            threading.Thread(target=_open, args=(self.uri, self._attempt), daemon=True, name="libvirt-open").start()
        opened = self._attempt.result(timeout_s)
        self._attempt = None
        if isinstance(opened, Exception):
            raise opened
        self._listen(opened)
        return opened

    def _listen(self, opened: "libvirt.virConnect") -> None:
        with contextlib.suppress(libvirt.libvirtError):  # test:///default has neither
            opened.setKeepAlive(KEEPALIVE_S, KEEPALIVE_COUNT)
        with contextlib.suppress(libvirt.libvirtError):
            opened.registerCloseCallback(
                lambda _conn, reason, _opaque: LOG.warning("libvirtd is gone (%d).", reason), None
            )
        lifecycle = libvirt.VIR_DOMAIN_EVENT_ID_LIFECYCLE
        self._listening = opened.domainEventRegisterAny(None, lifecycle, self._heard, None)

    def _let_go(self) -> None:
        """End the callbacks, and nothing else. Closing is left to Python, when the last thread inside has come out:
        libvirt frees a closed connection at once, whoever else waits in it."""
        connection, self._open = self._open, None
        if connection is not None:
            with contextlib.suppress(libvirt.libvirtError):
                connection.unregisterCloseCallback()
            with contextlib.suppress(libvirt.libvirtError):
                connection.domainEventDeregisterAny(self._listening)

    def _heard(self, _connection: Any, domain: Any, *_details: Any) -> None:
        self._on_event(domain.name(), domain.UUIDString())


def mapped(error: "libvirt.libvirtError") -> DriverError:
    """Return the error of the contract that stands for one of libvirt's."""
    said = " ".join(str(error).split())
    if error.get_error_code() == libvirt.VIR_ERR_NO_DOMAIN:
        return GuestNotFound(f"libvirt knows no such guest: {said}")
    return DriverError(f"libvirt: {said}")


def is_missing(error: "libvirt.libvirtError") -> bool:
    """Tell whether libvirt says that there is no such thing (domain, network, filter, snapshot, metadata)."""
    return error.get_error_code() in (
        libvirt.VIR_ERR_NO_DOMAIN,
        libvirt.VIR_ERR_NO_NETWORK,
        libvirt.VIR_ERR_NO_NWFILTER,
        libvirt.VIR_ERR_NO_DOMAIN_METADATA,
    )


def insisting(act: Callable[[], T]) -> T:
    """Return what ``act`` returns, tried again when packet rules could not be set: ebtables (nf_tables) gives up where
    another process, of another libvirtd or firewall, changes the same table at the same moment."""
    for _ in range(INSIST_TIMES):
        try:
            return act()
        except libvirt.libvirtError as error:
            if _NO_RULES not in str(error):
                raise
            LOG.warning("Trying again: %s", error)
            time.sleep(INSIST_S)
    return act()


def found(look: Callable[[], T]) -> T | None:
    """Return what ``look`` finds; None where libvirt knows no such thing."""
    try:
        return look()
    except libvirt.libvirtError as error:
        if is_missing(error):
            return None
        raise


def _open(uri: str, attempt: "Future[Any]") -> None:
    """Give the attempt a connection, or the error."""
    try:
        attempt.set_result(libvirt.open(uri))
    except libvirt.libvirtError as error:
        attempt.set_result(error)


def _is_alive(connection: Any) -> bool:
    try:
        return bool(connection.isAlive())
    except libvirt.libvirtError:
        return False


def _why(uri: str, error: "libvirt.libvirtError") -> str:
    """Say in a line what keeps us from connecting, and what to do."""
    place, code, number = f"[libvirt] connection_uri = {uri}", error.get_error_code(), error.get_int1()
    refused = code in (libvirt.VIR_ERR_AUTH_FAILED, libvirt.VIR_ERR_AUTH_UNAVAILABLE, libvirt.VIR_ERR_AUTH_CANCELLED)
    if refused or number in (errno.EACCES, errno.EPERM) or "Permission denied" in str(error):
        return f"{place}: no permission: {error}. Add the user of this process to the group libvirt, or run it as root."
    if number in (errno.ENOENT, errno.ECONNREFUSED) or "No such file" in str(error):
        return f"{place}: libvirt is not running: {error}. Start libvirtd."
    return f"{place}: {error}."


_loop_lock = threading.Lock()
_loop: list[threading.Thread] = []


def _start_event_loop() -> None:
    """Start libvirt's event loop, once in a process and before any connection: events and keepalive live on it."""
    with _loop_lock:
        if _loop:
            return
        libvirt.registerErrorHandler(lambda _context, _error: None, None)  # else each error goes to stderr as well
        libvirt.virEventRegisterDefaultImpl()
        thread = threading.Thread(target=_run_events, daemon=True, name="libvirt-events")
        _loop.append(thread)
        thread.start()


def _run_events() -> None:
    while True:
        try:
            libvirt.virEventRunDefaultImpl()
        except libvirt.libvirtError as error:
            LOG.warning("libvirt's event loop: %s", error)
