"""Sends the sandbox's events to our own webhook, as Stripe would: over HTTP."""

import http.client
from collections.abc import Mapping
from urllib.parse import urlsplit

from marketplace.gateways.payments.sandbox.delivery import Send

PATIENCE_SECONDS = 10


def over_http(site: str) -> Send:
    """A way to post to a path of this site; it raises OSError when nobody answers."""
    address = urlsplit(site)

    def send(path: str, body: bytes, headers: Mapping[str, str]) -> int:
        connect = http.client.HTTPSConnection if address.scheme == "https" else http.client.HTTPConnection
        connection = connect(address.hostname or "localhost", address.port, timeout=PATIENCE_SECONDS)
        try:
            connection.request("POST", path, body=body, headers=dict(headers))
            return connection.getresponse().status
        except http.client.HTTPException as problem:
            raise OSError(str(problem)) from problem
        finally:
            connection.close()

    return send
