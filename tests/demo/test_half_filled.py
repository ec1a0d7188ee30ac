"""A filling that was interrupted is told apart from a whole one, and from people of one's own."""

import pytest
from flask import Flask
from sqlalchemy.orm import Session

from marketplace.actions import accounts
from marketplace.demo import builder, parts
from tests.factories import make_user

OWN = parts.Operator("own@example.org", "Olga Own", "operator: admin", "admin")


@pytest.mark.parametrize(
    ("people", "half"),
    [
        ((), False),
        ((parts.FIRST,), True),
        ((parts.FIRST, parts.MODERATOR), True),
        ((parts.FIRST, parts.MODERATOR, parts.LAST), False),
        ((OWN,), False),
    ],
)
def test_only_a_filling_without_its_end_is_a_half_one(
    app: Flask, session: Session, people: tuple[parts.Operator, ...], half: bool
) -> None:
    for one in people:
        accounts.create_operator(session, email=one.email, name=one.name, role=one.role, password_hash="x")
    assert builder.is_half_filled(session) is half
    assert builder.is_filled(session) is bool(people)


def test_people_of_ones_own_are_never_a_half_filled_demo(session: Session) -> None:
    make_user(session)
    assert builder.is_filled(session)
    assert not builder.is_half_filled(session)
