"""The second step of signing in: codes of an authenticator app, each good once, and passkeys."""

import base64
from io import BytesIO
from typing import cast

import qrcode
from flask_security import Totp, UserMixin, WebauthnUtil
from passlib.totp import TotpMatch
from qrcode.image.svg import SvgPathFillImage
from webauthn.helpers.structs import (
    AuthenticatorSelectionCriteria,
    ResidentKeyRequirement,
    UserVerificationRequirement,
)

from marketplace.models import User


class OneTimeCodes(Totp):
    """Remembers the code used last, so that nobody who looked over a shoulder uses it again."""

    def generate_qrcode(self, username: str, totp: str) -> str:
        """The picture for the app as a data address, on white, so that dark pages can be scanned too."""
        image = qrcode.make(self.get_totp_uri(username, totp), image_factory=SvgPathFillImage)
        with BytesIO() as file:
            image.save(file)
            return f"data:image/svg+xml;base64,{base64.b64encode(file.getvalue()).decode()}"

    def get_last_counter(self, user: UserMixin) -> int | None:
        """The number of the code used last."""
        return cast(User, user).totp_counter

    def set_last_counter(self, user: UserMixin, tmatch: TotpMatch) -> None:
        """Keep the number of the code just used."""
        cast(User, user).totp_counter = tmatch.counter


class Passkeys(WebauthnUtil):
    """A passkey is password and second step together: it is found by itself and asks for finger, face or PIN."""

    def authenticator_selection(self, user: UserMixin, usage: str) -> AuthenticatorSelectionCriteria:
        """Any device will do, the phone or computer itself too."""
        return AuthenticatorSelectionCriteria(
            resident_key=ResidentKeyRequirement.REQUIRED,
            user_verification=UserVerificationRequirement.REQUIRED,
        )

    def user_verification(self, user: UserMixin | None, usage: list[str]) -> UserVerificationRequirement:
        """Always finger, face or PIN."""
        return UserVerificationRequirement.REQUIRED
