"""A receiver for state_webhook that prints what comes: python receiver.py [SECRET]."""

import hashlib
import hmac
import sys
from http.server import BaseHTTPRequestHandler, HTTPServer

SECRET = sys.argv[1] if len(sys.argv) > 1 else "change-me"


class Receiver(BaseHTTPRequestHandler):
    """Answer 204 to what is signed with our secret, and 403 to everything else."""

    def do_POST(self) -> None:
        """Check the signature before looking at the body."""
        body = self.rfile.read(int(self.headers["Content-Length"]))
        expected = "sha256=" + hmac.new(SECRET.encode(), body, hashlib.sha256).hexdigest()
        is_ours = hmac.compare_digest(expected, self.headers.get("X-Corenova-Signature", ""))
        print(body.decode() if is_ours else "a body that is not signed with our secret", flush=True)
        self.send_response(204 if is_ours else 403)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Print nothing else."""


if __name__ == "__main__":
    HTTPServer(("127.0.0.1", 8099), Receiver).serve_forever()
