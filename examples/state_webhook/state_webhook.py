"""state_webhook: POSTs JSON to a URL when a server changes its state.

An observer has a thread of its own, but must come back within ``[plugins] hook_timeout_s``. Trying again for minutes
takes longer, so the hook only puts what happened into a bounded queue, and a second thread sends it. A receiver that is
slow or dead costs this thread, and at worst the facts that no longer fit in the queue; never a server.
"""

import contextlib
import hashlib
import hmac
import json
import logging
import queue
import threading
import urllib.error
import urllib.parse
import urllib.request
import uuid
from datetime import UTC, datetime

from oslo_config import cfg

from corenova.contracts.hooks import hookimpl
from corenova.objects.instance import Instance

LOG = logging.getLogger(__name__)
SIGNATURE = "X-Corenova-Signature"
_LONGEST_WAIT_S = 60.0


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """A redirect of a POST would be followed as a GET, to a place that nobody has configured."""

    def redirect_request(self, *_: object) -> None:
        return None


class StateWebhook:
    """Send ``{"id", "at", "server", "name", "project", "host", "from", "to"}`` for each change of state.

    :ivar sent, dropped: how many were delivered, and how many given up.
    """

    contract_version = (1, 0)

    options = [
        cfg.StrOpt("url", default="", help="Where to POST; http or https. Must be set."),
        cfg.StrOpt(
            "secret",
            default="",
            secret=True,
            help=f"Signs each body: the header {SIGNATURE} is sha256= and the HMAC-SHA256 in hex. Empty: no header.",
        ),
        cfg.ListOpt("states", default=[], help="Only changes to these, as active,error,deleted. Empty: all."),
        cfg.FloatOpt("timeout_s", default=5.0, min=0.1, help="How long the receiver may be silent."),
        cfg.IntOpt("attempts", default=6, min=1, help="How often one change is tried before it is given up."),
        cfg.FloatOpt("backoff_s", default=1.0, min=0.0, help="The wait before the second try; it doubles each time."),
        cfg.IntOpt("queue_size", default=1000, min=1, help="So many changes wait; what comes then is dropped."),
    ]

    def __init__(self) -> None:
        self.sent = self.dropped = 0
        self._stopping = threading.Event()
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None
        self._opener = urllib.request.build_opener(_NoRedirect)

    def configure(self, section: cfg.ConfigOpts.GroupAttr) -> None:
        """Take the section ``[state_webhook]``; raises ValueError for a URL that is none."""
        url = urllib.parse.urlsplit(section.url)
        if url.scheme not in ("http", "https") or not url.hostname:
            raise ValueError(f"url = {section.url} is nothing to POST to. Write url = https://HOST/PATH.")
        self._section = section
        self._states = frozenset(section.states)
        self._queue: queue.Queue[bytes | None] = queue.Queue(section.queue_size)

    @hookimpl
    def state_changed(self, instance: Instance, old_vm_state: str | None) -> None:
        """Queue what has happened; returns at once."""
        if self._states and instance.vm_state not in self._states:
            return
        told = {
            "id": str(uuid.uuid4()),  # the same at every try, so that the receiver can tell a repetition
            "at": datetime.now(UTC).isoformat(),
            "server": instance.uuid,
            "name": instance.display_name,
            "project": instance.project_id,
            "host": instance.host,
            "from": old_vm_state,
            "to": instance.vm_state,
        }
        try:
            self._queue.put_nowait(json.dumps(told).encode())
        except queue.Full:
            self._drop("the queue is full")
        self._start()

    @hookimpl
    def service_started(self) -> None:
        """Try again and again from now on, also after an earlier service of this process has stopped."""
        self._stopping.clear()

    @hookimpl
    def service_stopped(self) -> None:
        """Let the thread try what waits once, without a pause, and end; it has half a second of the one there is."""
        self._stopping.set()
        with self._lock:
            thread, self._thread = self._thread, None
        if thread is not None:
            with contextlib.suppress(queue.Full):  # then it goes on until the process ends
                self._queue.put_nowait(None)
            thread.join(0.5)

    def _start(self) -> None:
        """Start the thread with the first change: a command that only checks the ini file shall start none."""
        with self._lock:
            if self._thread is None:
                self._thread = threading.Thread(target=self._send_all, name="state-webhook", daemon=True)
                self._thread.start()

    def _send_all(self) -> None:
        while (body := self._queue.get()) is not None:
            error = self._deliver(body)
            if error:
                self._drop(error)
            else:
                self.sent += 1

    def _deliver(self, body: bytes) -> str | None:
        """Try until the receiver takes it; return why it was given up."""
        error: str | None = None
        for attempt in range(self._section.attempts):
            if attempt:
                self._stopping.wait(min(self._section.backoff_s * 2 ** (attempt - 1), _LONGEST_WAIT_S))
                if self._stopping.is_set():
                    break
            error, is_final = self._post(body)
            if error is None or is_final:
                break
        return error

    def _post(self, body: bytes) -> tuple[str | None, bool]:
        """Return what went wrong, and whether trying again is of no use."""
        headers = {"Content-Type": "application/json"}
        if self._section.secret:
            digest = hmac.new(self._section.secret.encode(), body, hashlib.sha256).hexdigest()
            headers[SIGNATURE] = f"sha256={digest}"
        try:
            request = urllib.request.Request(self._section.url, body, headers, method="POST")
            with self._opener.open(request, timeout=self._section.timeout_s):
                return None, False
        except urllib.error.HTTPError as error:
            error.close()
            return f"HTTP {error.code}", error.code < 500 and error.code not in (408, 429)
        except Exception as error:  # refused, cut off, timed out, or no HTTP at all
            return f"{type(error).__name__}: {error}", False

    def _drop(self, why: str) -> None:
        self.dropped += 1
        LOG.warning("A change of state was not delivered to %s: %s", self._section.url, why)
