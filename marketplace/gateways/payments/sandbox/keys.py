"""Idempotency keys: what was answered once is answered again, for a day."""

import hashlib
import json
from datetime import timedelta
from typing import Any

from sqlalchemy import delete, select

from marketplace.gateways.payments.sandbox.answers import other_parameters
from marketplace.gateways.payments.sandbox.books import Books
from marketplace.models import SandboxKey

# Stripe forgets a key once it is a day old (https://docs.stripe.com/api/idempotent_requests).
KEY_LIFE = timedelta(days=1)
LENGTH_MAX = 255


def fingerprint(method: str, path: str, given: dict[str, Any]) -> str:
    """What was asked, in short."""
    return hashlib.sha256(json.dumps([method, path, given], sort_keys=True).encode()).hexdigest()


def remembered(books: Books, key: str, asked: str) -> SandboxKey | None:
    """The answer that lies under this key; raises ApiError when it was used for something else."""
    books.session.execute(
        delete(SandboxKey).where(SandboxKey.key == key, SandboxKey.created_at <= books.now - KEY_LIFE)
    )
    known = books.session.scalar(select(SandboxKey).where(SandboxKey.key == key))
    if known is not None and known.fingerprint != asked:
        raise other_parameters(key)
    return known


def remember(books: Books, key: str, asked: str, status: int, body: str) -> None:
    """Put an answer under this key."""
    books.session.add(SandboxKey(key=key, fingerprint=asked, status=status, body=body, created_at=books.now))
    books.session.flush()
