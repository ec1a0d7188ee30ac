"""What the official library raises, as the refusals of our door."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

import stripe

from marketplace.gateways.payments import GatewayDenied, GatewaySilent

Answer = TypeVar("Answer")

# A failure of the gateway's own is kept under its key like any other answer, so a key may have to be given up.
KEYS_TRIED = 5


@contextmanager
def refusals() -> Iterator[None]:
    """Raise what the library raises as GatewaySilent or GatewayDenied."""
    try:
        yield
    except stripe.CardError as error:
        raise GatewayDenied(decline_code(error), _message(error)) from error
    except stripe.IdempotencyError as error:
        raise GatewayDenied("idempotency_error", _message(error)) from error
    except stripe.InvalidRequestError as error:
        raise GatewayDenied(_code(error), _message(error)) from error
    except stripe.PermissionError as error:
        # An account that was taken away from us is gone; any other refusal is about our key, which can be mended.
        if _code(error) == "account_invalid":
            raise GatewayDenied("account_invalid", _message(error)) from error
        raise GatewaySilent(_message(error)) from error
    except stripe.StripeError as error:  # not reached, too busy, a failure of theirs, or our key is wrong for now
        raise GatewaySilent(f"{type(error).__name__}: {_message(error)}") from error


def once(key: str, ask: Callable[[str], Answer], find: Callable[[], Answer | None] | None = None) -> Answer:
    """Ask with this key; when a failure of the gateway lies under it for good, look for the thing, then ask with the next.

    The next keys are made from the first, so that whoever asks again walks the same way and nothing is done twice.
    """
    for number in range(1, KEYS_TRIED + 1):
        try:
            return ask(key if number == 1 else f"{key}:{number}")
        except stripe.APIError as failure:
            if not _is_kept(failure) or number == KEYS_TRIED:
                raise
            found = find() if find else None
            if found is not None:
                return found
    raise AssertionError("unreachable")


def decline_code(error: stripe.CardError) -> str:
    """The most telling word of a decline."""
    found = error.error.decline_code if error.error and "decline_code" in error.error else None
    return found or error.code or "card_declined"


def _code(error: stripe.StripeError) -> str:
    code = error.code or (error.error.code if error.error and "code" in error.error else None)
    param = getattr(error, "param", None)
    return code or (f"invalid_{param}" if param else "invalid_request")


def _is_kept(failure: stripe.APIError) -> bool:
    """Whether this failure was told before: it lies under the key, and asking with that key again is of no use."""
    return any(name.lower() == "idempotent-replayed" for name in failure.headers or {})


def _message(error: stripe.StripeError) -> str:
    return str(error.user_message or "")
