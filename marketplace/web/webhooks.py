"""Messages of the payment gateway: signed for one of two endpoints, worked off once, answered at once."""

from flask import Blueprint, current_app, request

from marketplace.gateways.payments import Endpoint, GatewayForged, GatewaySilent
from marketplace.jobs.payments import take_notice
from marketplace.web.access import public
from marketplace.web.current import gateways

bp = Blueprint("webhooks", __name__)

MOST_BYTES = 512 * 1024


@bp.post("/webhooks/stripe/platform")
@public
def platform() -> tuple[str, int]:
    """What concerns our own account: payments, refunds, disputes, transfers."""
    return _take("platform")


@bp.post("/webhooks/stripe/connect")
@public
def connect() -> tuple[str, int]:
    """What concerns a helper's account."""
    return _take("connect")


def _take(endpoint: Endpoint) -> tuple[str, int]:
    """200: done, done before, or none of ours; 400: not signed by the gateway; 409: please send it again later; 413: too long."""
    if request.content_length is None or request.content_length > MOST_BYTES:
        return "too long", 413
    doors = gateways()
    try:
        notice = doors.payments.notice(
            request.get_data(cache=False), request.headers.get("Stripe-Signature", ""), endpoint=endpoint
        )
    except GatewayForged as forgery:
        current_app.logger.warning("a message was not signed by the gateway: %s", forgery)
        return "not signed", 400
    try:
        return ("done" if take_notice(notice, doors) else "nothing to do"), 200
    except GatewaySilent:
        return "later", 409
