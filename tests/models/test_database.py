"""The database as every model meets it."""

import pytest
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from tests.factories import make_user


def test_an_error_of_the_database_does_not_repeat_what_a_statement_was_given(session: Session) -> None:
    make_user(session, email="anna@example.org")
    with pytest.raises(IntegrityError) as twice:
        make_user(session, "Berta Beispiel", email="ANNA@example.org")
    session.rollback()
    message = str(twice.value).partition("[SQL:")[2]
    assert "INSERT INTO users" in message
    assert "Berta" not in message
    assert "ANNA" not in message
