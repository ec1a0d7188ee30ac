"""Refusals carry a sentence for people, with its values kept apart for the translation."""

import pytest

from marketplace.domain import errors
from marketplace.domain.errors import (
    N_,
    DomainError,
    EffectChanged,
    Invalid,
    NotAllowed,
    NotFound,
    PaymentUnderWay,
    WrongState,
)


def kinds(above: type[DomainError] = DomainError) -> list[type[DomainError]]:
    return [above, *(kind for below in above.__subclasses__() for kind in kinds(below))]


def test_a_marked_sentence_is_unchanged():
    assert N_("You may not do this.") == "You may not do this."


def test_a_refusal_without_a_sentence_has_that_of_its_kind():
    assert NotAllowed().sentence == NotAllowed.sentence != WrongState.sentence
    assert str(NotFound()) == NotFound.sentence


def test_values_are_filled_in_only_for_the_log():
    refusal = Invalid("photos", "At most %(most)s photos are possible.", most=5)
    assert refusal.field == "photos"
    assert refusal.sentence == "At most %(most)s photos are possible."
    assert refusal.values == {"most": 5}
    assert str(refusal) == "At most 5 photos are possible."


def test_one_can_tell_which_payment_is_under_way():
    assert PaymentUnderWay("b7k2").booking == "b7k2"


@pytest.mark.parametrize("kind", [PaymentUnderWay, EffectChanged])
def test_what_changed_meanwhile_is_a_wrong_state(kind):
    assert issubclass(kind, WrongState)


def test_every_kind_of_refusal_has_a_whole_sentence():
    named = {kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, DomainError)}
    assert named <= set(kinds())
    for kind in kinds():
        assert kind.sentence.endswith(".")
