"""Money that comes from customers and goes back to them: payment pages, charges of kept cards, refunds."""

import stripe

from marketplace.domain.gateway import (
    ChargeFact,
    ChargeRequest,
    Checkout,
    CheckoutFact,
    CheckoutRequest,
    RefundFact,
    RefundRequest,
)
from marketplace.gateways.payments import GatewayDenied
from marketplace.gateways.payments import stripe_facts as facts
from marketplace.gateways.payments import stripe_requests as requests
from marketplace.gateways.payments.stripe_errors import decline_code, once, refusals
from marketplace.gateways.payments.stripe_part import PAGE_SIZE, StripePart, bearing, if_found, keyed


class StripePayers(StripePart):
    """Being paid, and giving back."""

    # ---- Being paid

    def open_checkout(self, request: CheckoutRequest) -> Checkout:
        """Open a payment page, or give back the one that this key opened before."""
        with refusals():
            wanted = (
                requests.card_page(request, self._customer(request)) if request.saves_card else requests.page(request)
            )
            page = once(request.key, lambda key: self.api.checkout.sessions.create(wanted, keyed(key)))
        return Checkout(page.id, page.url or "")

    def _customer(self, request: CheckoutRequest) -> str:
        """Whose card is to be kept; made once per page."""
        wanted = requests.customer(request)
        return once(f"{request.key}:customer", lambda key: self.api.customers.create(wanted, keyed(key))).id

    def read_checkout(self, reference: str) -> CheckoutFact:
        """How this payment page stands now."""
        with refusals():
            page = self.api.checkout.sessions.retrieve(reference, {"expand": requests.PAGE_WITH_CHARGE})
        return facts.checkout(page.to_dict())

    def close_checkout(self, reference: str) -> CheckoutFact:
        """Close a page that is still open, so that nobody pays there, and say how it ended."""
        try:
            with refusals():
                page = self.api.checkout.sessions.expire(reference, {"expand": requests.PAGE_WITH_CHARGE})
            return facts.checkout(page.to_dict())
        except GatewayDenied:  # it has ended already: paid, or closed before
            stands = self.read_checkout(reference)
            if stands.outcome == "open":
                raise
            return stands

    def charge(self, request: ChargeRequest) -> ChargeFact:
        """Charge a saved card, once per key; what was not sure at first is read anew, since its key only tells it as it was."""
        wanted = requests.charge(request)

        def ask(key: str) -> ChargeFact:
            made = self.api.payment_intents.create(wanted, keyed(key))
            fact = facts.charge(made.to_dict())
            return self.read_charge(made.id) if fact.outcome == "processing" else fact

        with refusals():
            try:
                return once(request.key, ask, lambda: self.find_charge(request))
            except stripe.CardError as error:
                asks = error.code == "authentication_required"
                return ChargeFact("action_needed" if asks else "declined", reason=decline_code(error))

    def find_charge(self, request: ChargeRequest) -> ChargeFact | None:
        """The charge that was made for this request, if any: for keys older than the gateway remembers."""
        with refusals():
            listed = self.api.payment_intents.list({"customer": request.card.customer, "limit": PAGE_SIZE})
            found = bearing(listed.auto_paging_iter(), "key", request.key)
            return self.read_charge(found["id"]) if found else None

    def read_charge(self, intent: str) -> ChargeFact:
        """How a charge stands now."""
        with refusals():
            made = self.api.payment_intents.retrieve(intent, {"expand": [requests.CHARGE_WITH_COST]})
        return facts.charge(made.to_dict())

    # ---- Giving back

    def refund(self, request: RefundRequest) -> RefundFact:
        """Give money back, once per key."""
        wanted = requests.refund(request)
        try:
            with refusals():
                return once(
                    request.key,
                    lambda key: facts.refund(self.api.refunds.create(wanted, keyed(key)).to_dict()),
                    lambda: self._found_refund(request.intent, "key", request.key),
                )
        except GatewayDenied as refusal:
            # Perhaps it is this very refund that has taken the rest.
            found = (
                self.find_refund(request.intent, request.refund) if refusal.code == "charge_already_refunded" else None
            )
            if found is None:
                raise
            return found

    def read_refund(self, reference: str) -> RefundFact:
        """How a refund stands now."""
        with refusals():
            return facts.refund(self.api.refunds.retrieve(reference).to_dict())

    def find_refund(self, intent: str, refund: str) -> RefundFact | None:
        """The refund that was made for our row `refund`, if any: for keys older than the gateway remembers."""
        with refusals():
            return self._found_refund(intent, "refund", refund)

    def _found_refund(self, intent: str, name: str, value: str) -> RefundFact | None:
        listed = self.api.refunds.list({"payment_intent": intent, "limit": PAGE_SIZE})
        return if_found(facts.refund, bearing(listed.auto_paging_iter(), name, value))
