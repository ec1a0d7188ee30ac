"""What every view can ask of the running application: the numbers in force, the doors to outsiders, the operator's face."""

import hmac
from dataclasses import dataclass
from pathlib import Path
from typing import cast

from flask import current_app, url_for

from marketplace.domain.policy import Policy
from marketplace.gateways import Gateways


@dataclass(frozen=True)
class Brand:
    """The operator's own face, as the templates use it."""

    name: str
    logo_url: str
    badge_name: str
    operator: str
    operator_mail: str


def policy() -> Policy:
    """The numbers of the business in force."""
    return cast(Policy, current_app.extensions["policy"])


def gateways() -> Gateways:
    """The doors to outsiders."""
    return cast(Gateways, current_app.extensions["gateways"])


def public_address() -> str:
    """Where people reach us, for what is written outside a request: as the operator says, or else where `serve` runs."""
    settings = current_app.config
    served: Path = settings["ADDRESS_FILE"]
    return settings["PUBLIC_URL"] or (served.read_text().strip() if served.exists() else "") or "http://localhost"


def blur_secret() -> bytes:
    """The key that fixes how positions are blurred, made from the installation's own secret."""
    return hmac.digest(current_app.config["SECRET_KEY"].encode(), b"blurred positions", "sha256")


def brand() -> Brand:
    """The operator's own face."""
    settings = current_app.config
    return Brand(
        name=settings["BRAND_NAME"],
        logo_url=settings["BRAND_LOGO"] or url_for("static", filename="icons/logo.svg"),
        badge_name=settings["BADGE_NAME"],
        operator=settings["OPERATOR_NAME"],
        operator_mail=settings["OPERATOR_MAIL"],
    )
