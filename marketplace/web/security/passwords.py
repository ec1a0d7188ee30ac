"""Passwords: what a good one is, and hashing that never takes the whole machine."""

import os
import re
import threading
from functools import cache
from pathlib import Path
from typing import Any

from flask import g
from flask_security import PasswordUtil
from passlib.context import CryptContext

from marketplace.domain.errors import N_
from marketplace.web.languages import gettext as _

LENGTH_MIN = 12
DISTINCT_MIN = 5
# Argon2id as OWASP lists it for one thread: 28 ms where measured; the library's default takes 157 ms and every core.
COST = {"argon2__type": "ID", "argon2__time_cost": 2, "argon2__memory_cost": 19_456, "argon2__parallelism": 1}
COST_IN_TESTS = {"argon2__type": "ID", "argon2__time_cost": 1, "argon2__memory_cost": 8, "argon2__parallelism": 1}

COMMON = Path(__file__).parent.parent.parent / "data" / "common_passwords.txt"  # built by tools/build_passwords.py


class PasswordRules(PasswordUtil):
    """Long enough, not a common one, and not made from what everybody knows about the person."""

    def validate(self, password: str, is_register: bool, **about: Any) -> tuple[list[str] | None, str]:
        """What is wrong with it (None when nothing is), and the password in its normal form."""
        wrong, normal = super().validate(password, is_register, **about)
        if wrong:
            return wrong, normal
        if is_common(normal):
            return [_(N_("Many people use this password, so it is easily guessed. Please choose another."))], normal
        person = about.get("user")
        known = (person.email, person.name) if person else (about.get("email"), about.get("name"))
        if any(word in normal.lower() for text in known if text for word in _long_words(text)):
            return [_(N_("The password contains your name or mail address. Please choose another."))], normal
        return None, normal


def is_common(password: str) -> bool:
    """Whether it is in the list of common passwords, also when only figures and signs were put around such a one."""
    lowered = password.lower()
    core = re.sub(r"^[^a-z]+|[^a-z]+$", "", lowered)
    half = lowered[: len(lowered) // 2]
    return (
        len(set(lowered)) < DISTINCT_MIN
        or lowered in _common()
        or (core in _common() and len(core) * 2 > len(lowered))
        or (half * 2 == lowered and half in _common())
        or lowered in "01234567890123456789" * 2
    )


def _long_words(text: str) -> list[str]:
    return [word for word in re.split(r"[\W_]+", text.lower()) if len(word) > 4]


@cache
def _common() -> frozenset[str]:
    return frozenset(COMMON.read_text().split())


class BoundedHashing:
    """Hashes at most as many passwords at once as there are processors, and none twice in a request.

    So a form can hash before the database is locked, and Flask-Security's view finds the work done.
    """

    def __init__(self, context: CryptContext) -> None:
        self._context = context
        self._turn = threading.BoundedSemaphore(os.cpu_count() or 1)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._context, name)

    def hash(self, password: str | bytes, **options: Any) -> str:
        """The hash of a password."""
        done: dict[str | bytes, str] = g.setdefault("hashed_passwords", {})
        if password not in done:
            with self._turn:
                done[password] = self._context.hash(password, **options)
        return done[password]

    def verify(self, password: str | bytes, password_hash: str | bytes) -> bool:
        """Whether the password is the one that was hashed."""
        with self._turn:
            return bool(self._context.verify(password, password_hash))
