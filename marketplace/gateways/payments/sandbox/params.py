"""The parameters of a call: parsed from the form, then read by a shape that knows each name; anything else is refused."""

import re
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import parse_qsl

from marketplace.gateways.payments.sandbox.answers import ApiError, invalid, missing, unknown

# A shape: names to leaves, to shapes, or to lists of one of them; a name that ends in "!" must be there.
Leaf = Callable[[str, Any], Any]
Shape = Mapping[str, Any]

AMOUNT_MAX = 99_999_999


def parse(form: str) -> dict[str, Any]:
    """`a[b][0]=c` as nested mappings; what is a list is known by the shape only."""
    nested: dict[str, Any] = {}
    for name, value in parse_qsl(form, keep_blank_values=True):
        *path, last = re.findall(r"[^\[\]]+", name) or [name]
        inner = nested
        for step in path:
            inner = inner.setdefault(step, {})
            if not isinstance(inner, dict):
                raise invalid(f"Invalid parameter: {name}", param=name)
        inner[last] = value
    return nested


def read(shape: Shape, given: Any, inside: str = "") -> dict[str, Any]:
    """What was given, typed as the shape says; raises ApiError for what it does not know or misses."""
    if not isinstance(given, dict):
        raise invalid(f"Invalid object: {inside}", param=inside)
    wanted = {name.rstrip("!"): leaf for name, leaf in shape.items()}
    for name in given:
        if name not in wanted:
            raise unknown(_named(inside, name))
    for name in shape:
        if name.endswith("!") and given.get(name[:-1], "") == "":
            raise missing(_named(inside, name[:-1]))
    return {name: _read_one(wanted[name], value, _named(inside, name)) for name, value in given.items()}


def _read_one(leaf: Any, value: Any, name: str) -> Any:
    if isinstance(leaf, Mapping):
        return read(leaf, value, name)
    if isinstance(leaf, list):
        if not isinstance(value, dict):
            raise invalid(f"Invalid array: {name}", param=name)
        return [_read_one(leaf[0], one, f"{name}[{number}]") for number, one in enumerate(value.values())]
    return leaf(name, value)


def _named(inside: str, name: str) -> str:
    return f"{inside}[{name}]" if inside else name


# ---- Leaves


def text(name: str, value: Any) -> str:
    """Any text."""
    if not isinstance(value, str):
        raise invalid(f"Invalid string: {name}", param=name)
    return value


def url(name: str, value: Any) -> str:
    """An address that leads from the gateway's site to ours, so a whole one."""
    if not re.match(r"https?://[^/]", text(name, value)):
        raise invalid("Not a valid URL", "url_invalid", name)
    return str(value)


def email(name: str, value: Any) -> str:
    """A mail address."""
    if not re.fullmatch(r"[^@\s]+@[^@\s]+", text(name, value)):
        raise invalid(f"Invalid email address: {value}", "email_invalid", name)
    return str(value)


def whole(name: str, value: Any) -> int:
    """A whole number."""
    if not isinstance(value, str) or not re.fullmatch(r"-?[0-9]{1,15}", value):
        raise invalid(f"Invalid integer: {value}", "parameter_invalid_integer", name)
    return int(value)


def amount(name: str, value: Any) -> int:
    """Money in minor units: neither nothing nor too much."""
    cents = whole(name, value)
    if cents < 1:
        raise invalid("This value must be greater than or equal to 1.", "parameter_invalid_integer", name)
    if cents > AMOUNT_MAX:
        raise invalid("Amount must be no more than 999,999.99", "amount_too_large", name)
    return cents


def yes_no(name: str, value: Any) -> bool:
    """True or false."""
    if value not in ("true", "false"):
        raise invalid(f"Invalid boolean: {value}", param=name)
    return bool(value == "true")


def currency(name: str, value: Any) -> str:
    """A currency that a Swiss account is paid in."""
    if value not in ("chf", "eur"):
        raise invalid(f"Invalid currency: {value}", param=name)
    return str(value)


def one_of(*words: str) -> Leaf:
    """One of these words."""

    def word(name: str, value: Any) -> str:
        if value not in words:
            raise invalid(f"Invalid {name}: must be one of {', '.join(words)}", param=name)
        return str(value)

    return word


def metadata(name: str, value: Any) -> dict[str, str]:
    """Words of ours that the gateway keeps: up to 50, names of 40 and values of 500 signs."""
    if not isinstance(value, dict):
        raise invalid(f"Invalid object: {name}", param=name)
    for word, meaning in value.items():
        if not isinstance(meaning, str) or len(word) > 40 or len(meaning) > 500 or len(value) > 50:
            raise ApiError(400, "invalid_request_error", f"Invalid metadata: {word}", param=name, is_stored=False)
    return dict(value)


EXPAND = {"expand": [text]}
PAGING = {
    "limit": whole,
    "starting_after": text,
    "ending_before": text,
    "created": {"gt": whole, "gte": whole, "lt": whole, "lte": whole},
    **EXPAND,
}
