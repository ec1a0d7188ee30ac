"""Money that goes to helpers and comes back from them: accounts, transfers, reversals."""

from typing import Any

from marketplace.domain.gateway import (
    AccountFact,
    AccountRequest,
    ReversalFact,
    ReversalRequest,
    TransferFact,
    TransferRequest,
)
from marketplace.gateways.payments import stripe_facts as facts
from marketplace.gateways.payments import stripe_requests as requests
from marketplace.gateways.payments.stripe_errors import once, refusals
from marketplace.gateways.payments.stripe_part import PAGE_SIZE, StripePart, bearing, if_found, keyed


class StripePayees(StripePart):
    """Paying helpers."""

    def open_account(self, request: AccountRequest) -> AccountFact:
        """Open a helper's account, once per key."""
        wanted = requests.account(request)
        with refusals():
            opened = once(request.key, lambda key: self.api.accounts.create(wanted, keyed(key)))
        return facts.account(opened.to_dict())

    def read_account(self, account: str) -> AccountFact:
        """How a helper's account stands now."""
        with refusals():
            return facts.account(self.api.accounts.retrieve(account).to_dict())

    def onboarding_page(self, account: str, *, return_url: str, refresh_url: str) -> str:
        """The address of a page on which a helper gives what is missing; for one use."""
        wanted: Any = {
            "account": account,
            "type": "account_onboarding",
            "return_url": return_url,
            "refresh_url": refresh_url,
        }
        with refusals():
            return self.api.account_links.create(wanted).url

    def account_page(self, account: str) -> str:
        """The address of the page on which a helper sees their payouts; for one use."""
        with refusals():
            return self.api.accounts.login_links.create(account).url

    def transfer(self, request: TransferRequest) -> TransferFact:
        """Pay a helper a share of a charge, once per key; GatewayDenied `balance_insufficient` when it is not there yet."""
        wanted = requests.transfer(request)
        with refusals():
            return once(
                request.key,
                lambda key: facts.transfer(self.api.transfers.create(wanted, keyed(key)).to_dict()),
                lambda: self._found_transfer(request.group, "key", request.key),
            )

    def find_transfer(self, group: str, payout: str) -> TransferFact | None:
        """The transfer that was made for our row `payout`, if any."""
        with refusals():
            return self._found_transfer(group, "payout", payout)

    def _found_transfer(self, group: str, name: str, value: str) -> TransferFact | None:
        listed = self.api.transfers.list({"transfer_group": group, "limit": PAGE_SIZE})
        return if_found(facts.transfer, bearing(listed.auto_paging_iter(), name, value))

    def read_transfer(self, transfer: str) -> TransferFact:
        """How a transfer stands now."""
        with refusals():
            return facts.transfer(self.api.transfers.retrieve(transfer).to_dict())

    def reverse(self, request: ReversalRequest) -> ReversalFact:
        """Take back a part of a transfer, once per key."""
        wanted = requests.reversal(request)
        with refusals():
            return once(
                request.key,
                lambda key: facts.reversal(
                    self.api.transfers.reversals.create(request.transfer, wanted, keyed(key)).to_dict()
                ),
                lambda: self._found_reversal(request.transfer, "key", request.key),
            )

    def find_reversal(self, transfer: str, reversal: str) -> ReversalFact | None:
        """The reversal that was made for our row `reversal`, if any."""
        with refusals():
            return self._found_reversal(transfer, "reversal", reversal)

    def _found_reversal(self, transfer: str, name: str, value: str) -> ReversalFact | None:
        listed = self.api.transfers.reversals.list(transfer, {"limit": PAGE_SIZE})
        return if_found(facts.reversal, bearing(listed.auto_paging_iter(), name, value))
