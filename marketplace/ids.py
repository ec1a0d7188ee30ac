"""The only maker of public ids; the demo seeds it so that the same data carries the same ids."""

import random
import secrets

ALPHABET = "23456789abcdefghjkmnpqrstvwxyz"  # nothing that is easily misread on the phone
LENGTH = 10  # 30^10 possibilities: not to be guessed

_source: random.Random = random.SystemRandom()


def public_id() -> str:
    """A short id for addresses and letters that tells nothing and cannot be guessed."""
    return "".join(_source.choice(ALPHABET) for _ in range(LENGTH))


def seed(number: int | None) -> None:
    """Draw ids from a seeded source (the demo only), or from the system's again with None."""
    global _source
    _source = random.SystemRandom() if number is None else random.Random(number)


def secret() -> str:
    """A long random word that opens a door and is never shown: 256 bits, whatever the demo's seed."""
    return secrets.token_urlsafe(32)
