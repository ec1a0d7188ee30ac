"""House rules of the addresses: each names its guard, is kebab-case, and holds no number that could be guessed."""

import re
from types import SimpleNamespace

from flask import Flask
from werkzeug.routing import Map, Rule

from marketplace.models.accounts import ROLES
from marketplace.web.access import public

GUARDS = {"public", "signed_in", "helper_only", *(f"operator_only:{role}" for role in ROLES)}
NOT_OURS = {"static": "public"}  # Flask's own view of files that everybody gets
# What a value in an address may be: a public id, a secret from a mail, a name of a file or step; never a table's id.
VALUES = {
    "public_id": "the public id of what the address is about",
    "photo_id": "the public id of a photo",
    "helper": "the public id of a person",
    "reference": "the gateway's unguessable name of a payment page",
    "token": "a signed secret",
    "digest": "the hash of a style sheet",
    "filename": "a static file",
    "step": "one of the named steps",
    "ending": "one of the named ways in which a page of the sandbox ends",
    "language": "one of the languages",
}
VERBS = {"accept", "cancel", "create", "delete", "edit", "update", "remove", "withdraw", "suspend", "restore"}
# The page on which something is changed is called so wherever people have learnt it.
LEARNT = {"/account/edit"}


def guard_faults(views: dict[str, object]) -> list[str]:
    """Views without a known guard."""
    return [name for name, view in views.items() if name not in NOT_OURS and getattr(view, "guard", None) not in GUARDS]


def address_faults(rules: list[Rule]) -> list[str]:
    """Addresses that are not written as ours are."""
    faults = []
    for rule in rules:
        fixed = re.sub(r"<[^>]*>", "", rule.rule)
        if not re.fullmatch(r"[a-z0-9/.-]*", fixed):
            faults.append(f"{rule.rule} is not kebab-case")
        faults += [f"{rule.rule}: {name} is none of {sorted(VALUES)}" for name in rule.arguments - VALUES.keys()]
        if re.search(r"<(int|float|uuid):", rule.rule):
            faults.append(f"{rule.rule} counts")
        if rule.rule not in LEARNT and VERBS & set(re.split(r"[/-]", fixed)):
            faults.append(f"{rule.rule} has a verb: a new verb is a new resource")
    return faults


def test_every_view_names_its_guard(shared_app: Flask) -> None:
    assert guard_faults(shared_app.view_functions) == []


def test_a_view_without_a_guard_is_seen() -> None:
    views = {"tasks.show": public(lambda: ""), "tasks.secret": lambda: "", "static": lambda: ""}
    views["tasks.odd"] = SimpleNamespace(guard="everybody")
    assert guard_faults(views) == ["tasks.secret", "tasks.odd"]


def test_addresses_are_written_as_ours_are(shared_app: Flask) -> None:
    assert address_faults(list(shared_app.url_map.iter_rules())) == []


def test_an_odd_address_is_seen() -> None:
    planted = ["/My_Tasks", "/tasks/<int:public_id>", "/tasks/<id>", "/tasks/<public_id>/cancel"]
    for address in planted:
        assert address_faults(list(Map([Rule(address)]).iter_rules())), address
    assert address_faults(list(Map([Rule("/bids/<public_id>/acceptance")]).iter_rules())) == []


def test_writing_goes_through_post_only(shared_app: Flask) -> None:
    used = {method for rule in shared_app.url_map.iter_rules() for method in rule.methods or ()}
    assert used <= {"GET", "HEAD", "OPTIONS", "POST"}
