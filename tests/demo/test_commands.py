"""The commands of the demo, typed as the handbook of the operator and the welcome name them."""

import os
import re
import subprocess
import sys
from collections.abc import Callable
from datetime import timedelta
from email import message_from_bytes
from email.policy import default
from pathlib import Path

import pytest
from click.testing import Result
from flask import Flask
from sqlalchemy.orm import Session

from config import ROOT
from marketplace import clock
from marketplace.demo import parts
from marketplace.models import User
from marketplace.web.current import public_address
from tests.factories import make_booking, make_operator

Start = Callable[[str], Flask]


@pytest.fixture
def demo(started_in: Start, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Flask:
    """The demo on the database of the test, with a clock of its own."""
    app = started_in("demo")
    app.config["CLOCK_FILE"] = tmp_path / "clock"
    app.config["ADDRESS_FILE"] = tmp_path / "address"
    monkeypatch.setattr(clock, "_followed", app.config["CLOCK_FILE"])
    return app


def test_moving_the_clock_ahead_works_off_what_is_due_by_then(demo: Flask, session: Session) -> None:
    make_operator(session, email=parts.FIRST.email)
    booking, now = make_booking(session, state="finished"), clock.now()
    hours = (booking.sign_off_due_at - now) // timedelta(hours=1)
    for span, state in ((f"{hours}h", "finished"), ("61m", "signed_off")):
        typed = typed_in(demo, "demo", "--forward", span)
        session.rollback()
        assert (typed.exit_code, booking.state) == (0, state), typed.output
    assert "rounds of work done" in typed.output
    assert clock.now() - now >= timedelta(hours=hours, minutes=61)


@pytest.mark.parametrize("span", ["14", "d", "two weeks", "-1d", "99999d"])
def test_a_span_that_is_none_is_refused_and_moves_nothing(demo: Flask, span: str) -> None:
    typed = typed_in(demo, "demo", f"--forward={span}")
    assert (typed.exit_code, "say for example 14d, 36h or 90m" in typed.output) == (2, True)
    assert not demo.config["CLOCK_FILE"].exists()


@pytest.mark.parametrize("command", [["demo"], ["demo", "--fresh"], ["demo", "--forward", "14d"]])
def test_no_demo_among_real_people(started_in: Start, monkeypatch: pytest.MonkeyPatch, command: list[str]) -> None:
    monkeypatch.setenv("ENVIRONMENT", "production")
    typed = typed_in(started_in("production"), *command)
    assert (typed.exit_code, "do not belong among real ones" in typed.output) == (2, True)


@pytest.mark.parametrize("command", [["demo"], ["demo", "--fresh"], ["demo", "--forward", "14d"]])
def test_no_demo_where_others_live_whatever_the_environment_is_called(
    demo: Flask, session: Session, command: list[str]
) -> None:
    own = make_operator(session, email="olga@example.org").id
    session.commit()
    typed = typed_in(demo, *command)
    assert (typed.exit_code, "none of the demo's. Nothing was changed." in typed.output) == (2, True), typed.output
    session.rollback()
    assert session.get(User, own) is not None
    assert not demo.config["CLOCK_FILE"].exists()


def test_the_command_alone_is_the_demos_where_no_environment_is_named(tmp_path: Path) -> None:
    typed = flask(tmp_path, "demo", "--forward", "14d")
    assert typed.returncode == 1
    assert "there is no marketplace here yet; `make run` makes one" in typed.stderr


@pytest.mark.parametrize("command", [("demo", "--forward", "73h"), ("work", "--once")])
def test_the_links_of_mails_written_beside_the_server_lead_to_it(
    demo: Flask, session: Session, command: tuple[str, ...]
) -> None:
    make_operator(session, email=parts.FIRST.email)
    booking = make_booking(session, state="finished")
    booking.sign_off_due_at = clock.now()
    session.commit()
    demo.config["ADDRESS_FILE"].write_text("http://localhost:8123")
    assert typed_in(demo, *command).exit_code == 0
    newest = max(demo.config["MAIL_FOLDER"].iterdir(), key=lambda file: file.stat().st_mtime_ns)
    written = message_from_bytes(newest.read_bytes(), policy=default).get_content()
    links = re.findall(r"https?://\S+", written)
    assert links
    assert all(link.startswith("http://localhost:8123/") for link in links), links


def test_where_no_server_has_run_and_nothing_is_set_the_links_still_are_links(demo: Flask) -> None:
    with demo.app_context():
        assert public_address() == "http://localhost"
        demo.config["PUBLIC_URL"] = "https://hilfe.example.org"
        assert public_address() == "https://hilfe.example.org"
        demo.config["ADDRESS_FILE"].write_text("http://localhost:8123")
        assert public_address() == "https://hilfe.example.org", "what the operator says goes first"


def typed_in(app: Flask, *arguments: str) -> Result:
    """The command with the settings of this application."""
    with app.app_context():
        return app.test_cli_runner().invoke(args=arguments)


def flask(var: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """The command as somebody types it, with nothing named but where its files lie."""
    kept = {name: value for name, value in os.environ.items() if name not in ("ENVIRONMENT", "DATABASE_URL")}
    return subprocess.run(
        [sys.executable, "-m", "flask", "--app", "wsgi", *arguments],
        cwd=ROOT,
        env={**kept, "VAR_FOLDER": str(var)},
        capture_output=True,
        text=True,
        check=False,
    )
