"""The installation's own signature under what it exports: Ed25519, with a key that is made once and kept in the var folder."""

from base64 import b64decode, b64encode
from binascii import Error as NotBase64
from pathlib import Path

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

FILE = "export-key"


class Signer:
    """Signs with the key in a folder; the first signature makes the key."""

    def __init__(self, folder: Path) -> None:
        self.file = folder / FILE

    @property
    def public_key(self) -> str:
        """The key that others check our signatures with, as text."""
        return b64encode(self._key().public_key().public_bytes_raw()).decode()

    def sign(self, content: bytes) -> str:
        """The signature of these bytes, as text."""
        return b64encode(self._key().sign(content)).decode()

    def _key(self) -> Ed25519PrivateKey:
        if not self.file.exists():
            self.file.parent.mkdir(parents=True, exist_ok=True)
            self.file.touch(mode=0o600)
            self.file.write_text(b64encode(Ed25519PrivateKey.generate().private_bytes_raw()).decode())
        return Ed25519PrivateKey.from_private_bytes(b64decode(self.file.read_text()))


def is_signed(content: bytes, signature: str, public_key: str) -> bool:
    """Whether the owner of this public key signed these bytes."""
    try:
        key = Ed25519PublicKey.from_public_bytes(b64decode(public_key, validate=True))
        key.verify(b64decode(signature, validate=True), content)
    except (InvalidSignature, NotBase64, ValueError):
        return False
    return True
