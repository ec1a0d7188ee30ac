"""One door per outsider; a vendor's objects never pass it, and each door has an honest stand-in."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from marketplace.gateways.geocoder import Geocoder, open_geocoder
from marketplace.gateways.mail import Post, open_post
from marketplace.gateways.papers.qr_bill import check_account
from marketplace.gateways.payments import PaymentGateway
from marketplace.gateways.payments.opening import open_payments, open_sandbox
from marketplace.gateways.payments.sandbox import Sandbox
from marketplace.gateways.payments.stripe_part import PAGES
from marketplace.gateways.storage import PhotoStorage


@dataclass(frozen=True)
class Site:
    """Our own place, as outsiders are told of it."""

    url: str
    brand: str


@dataclass(frozen=True)
class Gateways:
    """Every door of the house."""

    geocoder: Geocoder
    site: Site
    payments: PaymentGateway
    post: Post
    photos: PhotoStorage
    sandbox: Sandbox | None = None  # what stands behind the payment door when there are no keys

    @property
    def payment_pages(self) -> tuple[str, ...]:
        """The sites that people are led to from our forms, to pay or to be paid; the sandbox's pages are our own."""
        return () if self.sandbox else PAGES


def open_gateways(settings: Mapping[str, Any]) -> Gateways:
    """The doors as the settings want them; the sandbox of play money never opens in production.

    Raises ValueError when no bill could be written to the operator's account.
    """
    sandbox = open_sandbox(settings)
    if settings["OPERATOR_IBAN"]:
        check_account(settings["OPERATOR_IBAN"], settings["OPERATOR_NAME"], settings["OPERATOR_ADDRESS"])
    return Gateways(
        geocoder=open_geocoder(settings),
        site=Site(settings["PUBLIC_URL"] or "http://localhost", settings["BRAND_NAME"]),
        payments=open_payments(settings, sandbox),
        post=open_post(settings),
        photos=PhotoStorage(settings["PHOTO_FOLDER"]),
        sandbox=sandbox,
    )
