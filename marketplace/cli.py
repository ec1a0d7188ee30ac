"""The commands: `flask serve`, `work`, `demo`, `operator`, `ledger check`, `reconcile`, `export ...`, `standings rebuild`."""

import logging
import os
import re
import sys
from datetime import datetime, timedelta
from pathlib import Path
from typing import cast

import click
from flask import Flask, current_app
from flask_security import hash_password
from sqlalchemy import inspect
from sqlalchemy.exc import OperationalError

from marketplace import clock, serving
from marketplace.actions import accounts, skills
from marketplace.db import db, transaction
from marketplace.demo import builder, parts
from marketplace.domain.policy import Policy
from marketplace.gateways import Gateways
from marketplace.gateways.payments import GatewayRefused
from marketplace.gateways.signatures import Signer, is_signed
from marketplace.jobs import badges, reconciliation, worker
from marketplace.models.accounts import ROLES
from marketplace.queries.bookkeeping import claims_csv, claims_json, postings_csv
from marketplace.queries.ledger import ledger_faults
from marketplace.web.current import blur_secret
from marketplace.web.mails import words
from marketplace.web.operator.periods import span_of

PATH = click.Path(dir_okay=False, path_type=Path)


def register(app: Flask) -> None:
    """Add our commands to `flask`."""
    for command in (serve, work, demo, operator, ledger, reconcile, export, standings):
        app.cli.add_command(command)


@click.command()
@click.option("--port", envvar="PORT", default=8000, show_default=True)
@click.option("--host", envvar="HOST", default="127.0.0.1", show_default=True)
@click.option("--workers", envvar="WORKERS", default=2, show_default=True)
def serve(port: int, host: str, workers: int) -> None:
    """Migrate, fill an empty demo, then run web and worker until Ctrl-C."""
    with serving.listening(host, port) as door:
        with serving.alone(current_app.config["VAR_FOLDER"]):
            _migrate()
            if current_app.config["DEMO"]:
                _fill()
        db.session.close()
        db.engine.dispose()
        flask = [sys.executable, "-m", "flask", "--app", "wsgi"]
        gunicorn = [sys.executable, "-m", "gunicorn", "wsgi:application", "--bind", f"fd://{door.fileno()}"]
        settings = ["--workers", str(workers), "--threads", "4", "--preload", "--graceful-timeout", "5"]
        # Passkeys work under a name, not under a bare number.
        address = current_app.config["PUBLIC_URL"] or f"http://{'localhost' if host == '127.0.0.1' else host}:{port}"
        _write_down(address)
        click.echo(_welcome(address))
        environment = {**os.environ, "ENVIRONMENT": current_app.config["ENVIRONMENT"], "PUBLIC_URL": address}
        web = [*gunicorn, *settings, "--log-level", "warning"]
        serving.run_together(web, [*flask, "work"], environment=environment, door=door)


@click.command()
@click.option("--once", is_flag=True, help="Stop when nothing is due any more.")
def work(once: bool) -> None:
    """Deliver the outbox, work off deadlines, keep standings: the worker."""
    if once:
        rounds = worker.until_idle(_gateways(), words, policy=_policy())
        click.echo(f"Nothing is due any more after {rounds} rounds of work.")
    else:
        worker.work(_gateways(), words, policy=_policy())


@click.command()
@click.option("--fresh", is_flag=True, help="Throw everything away first.")
@click.option(
    "--forward",
    metavar="14d",
    help="Move the demo's clock ahead (days d, hours h, minutes m) and work off what is due.",
)
def demo(fresh: bool, forward: str | None) -> None:
    """Fill the database with sample people, or move the demo's clock."""
    if not current_app.config["DEMO"]:
        _anew_as_demo()
    _refuse_real_people()
    if forward:
        if not inspect(db.engine).has_table("users"):
            raise click.ClickException("there is no marketplace here yet; `make run` makes one")
        offset = clock.forward(current_app.config["CLOCK_FILE"], _span(forward))
        rounds = worker.until_idle(_gateways(), words, policy=_policy())
        click.echo(f"It is now {clock.now():%A, %d %B %Y, %H:%M} UTC ({offset} ahead); {rounds} rounds of work done.")
        return
    with serving.alone(current_app.config["VAR_FOLDER"]):
        _migrate(fresh=fresh)
        if _fill():
            click.echo("`make run` opens it.")
        else:
            click.echo("There are people here already; --fresh throws them away first.")


@click.command()
@click.argument("email")
@click.argument("name")
@click.option("--role", type=click.Choice(ROLES), default="admin", show_default=True)
@click.password_option()
def operator(email: str, name: str, role: str, password: str) -> None:
    """Make an account for one of the operator's people."""
    _migrate()
    with transaction() as session:
        accounts.create_operator(session, email=email, name=name, role=role, password_hash=hash_password(password))
    click.echo(f"{email} may sign in as {role}.")


@click.group()
def ledger() -> None:
    """The ledger."""


@ledger.command()
def check() -> None:
    """Prove every invariant of the ledger; fails when one is broken."""
    faults = ledger_faults(db.session)
    for fault in faults:
        click.echo(fault, err=True)
    if faults:
        raise click.ClickException(f"{len(faults)} faults in the ledger")
    click.echo("The ledger holds: no fault found.")


@click.command()
def reconcile() -> None:
    """Compare the ledger with the gateway's books; fails when they differ, or when less is there than belongs to others."""
    try:
        look = reconciliation.reconcile(_gateways().payments)
    except GatewayRefused as refusal:
        raise click.ClickException(f"the payment service does not answer: {refusal}") from refusal
    for one in look.differences:
        click.echo(
            f"{one.what}: {one.kind} {one.source}, {one.gateway_cents} cents there, {one.ledger_cents} here", err=True
        )
    if look.differences:
        raise click.ClickException(f"{len(look.differences)} differences; /operator/money says what to do")
    if look.short_cents:
        raise click.ClickException(f"{look.short_cents} cents less there than belongs to others; top the account up")
    click.echo(f"The books agree: {look.comparison.movements} lines compared.")


@click.group()
def export() -> None:
    """What others need of the books, signed where somebody must rely on it."""


@export.command()
@click.option("--file", type=PATH, help="Where to write it (.csv or .json); without it, it is printed.")
@click.option("--format", "kind", type=click.Choice(("json", "csv")), help="By the file's ending, else json.")
def owed(file: Path | None, kind: str | None) -> None:
    """Who is owed what right now, with a signature beside it (FILE.sig)."""
    kind = kind or ("csv" if file and file.suffix == ".csv" else "json")
    written = {"csv": claims_csv, "json": claims_json}[kind](db.session, clock.now(), _policy().currency)
    signer = Signer(current_app.config["VAR_FOLDER"])
    signature = signer.sign(written.encode())
    if file is None:
        click.echo(written, nl=False)
        click.echo(f"signature {signature}", err=True)
    else:
        file.write_bytes(written.encode())
        _beside(file).write_text(signature + "\n")
        click.echo(f"{file} is written, its signature beside it in {_beside(file)}.")
    click.echo(f"public key {signer.public_key}", err=file is None)


@export.command()
@click.argument("file", type=PATH)
@click.option("--key", help="The public key of the installation that wrote it; without it, our own.")
def verify(file: Path, key: str | None) -> None:
    """Check that FILE is as the installation wrote it."""
    beside = _beside(file)
    if not file.is_file() or not beside.is_file():
        raise click.ClickException(f"there is no {file} with a signature in {beside}")
    key = key or Signer(current_app.config["VAR_FOLDER"]).public_key
    if not is_signed(file.read_bytes(), beside.read_text().strip(), key):
        raise click.ClickException(f"{file} was changed, or another installation wrote it")
    click.echo(f"{file} is as it was written.")


@export.command()
@click.option("--from", "first", type=click.DateTime(["%Y-%m-%d"]), required=True, help="The first day, 2026-01-01.")
@click.option("--to", "last", type=click.DateTime(["%Y-%m-%d"]), required=True, help="The last day.")
@click.option("--file", type=PATH, help="Where to write it; without it, it is printed.")
def postings(first: datetime, last: datetime, file: Path | None) -> None:
    """Every line of the ledger in a time as CSV, for bookkeeping."""
    if last < first:
        raise click.UsageError("the last day comes before the first")
    lines = postings_csv(db.engine, span_of(first.date(), last.date()))
    if file is None:
        for line in lines:
            click.echo(line, nl=False)
        return
    with file.open("w", newline="", encoding="utf-8") as paper:
        paper.writelines(lines)
    click.echo(f"{file} is written.")


@click.group()
def standings() -> None:
    """The derived standings of helpers."""


@standings.command()
def rebuild() -> None:
    """Make every helper's standing anew from the rows of record."""
    click.echo(f"{badges.rebuild(policy=_policy())} standings rebuilt.")


def _beside(file: Path) -> Path:
    """Where the signature of a file lies."""
    return file.with_name(file.name + ".sig")


def _write_down(address: str) -> None:
    """Keep where this marketplace answers for those who write mails outside of it; in one move, so that nobody reads half."""
    file = current_app.config["ADDRESS_FILE"]
    new = file.with_suffix(".new")
    new.write_text(address)
    new.replace(file)


def _migrate(*, fresh: bool = False) -> None:
    """Bring the database to the newest tables (from nothing with `fresh`) and install the skills."""
    try:
        db.engine.connect().close()
    except OperationalError as problem:
        raise click.ClickException(f"The database does not answer: {problem.orig}") from problem
    alembic = current_app.extensions["alembic"]
    if current_app.config["DEMO"]:  # a newcomer need not read of tables
        logging.getLogger("alembic").setLevel(logging.WARNING)
    if fresh:
        with db.engine.begin() as connection:
            if inspect(connection).has_table("alembic_version"):
                db.session.close()
        alembic.downgrade("base")
        current_app.config["CLOCK_FILE"].unlink(missing_ok=True)
    alembic.upgrade()
    with transaction() as session:
        skills.install(session)
        accounts.install_roles(session)


def _fill() -> bool:
    """Fill an empty demo, and throw away first what an interrupted filling has left; says whether there was anything to do."""
    if builder.is_half_filled(db.session):
        click.echo("The last filling was interrupted. It is thrown away.")
        _migrate(fresh=True)
    if builder.is_filled(db.session):
        return False
    click.echo("Filling the marketplace with sample people, which takes half a minute ...")
    builder.fill(_policy(), _gateways(), blur_secret=blur_secret(), echo=click.echo)
    return True


def _welcome(address: str) -> str:
    """What a newcomer needs to know."""
    lines = ["", f"  {current_app.config['BRAND_NAME']} is at {address} (Ctrl-C ends it)", ""]
    if current_app.config["DEMO"]:
        lines += [
            "  *** PLAY MONEY: no franc here is real, and every person is made up. ***",
            "",
            f"  Sign in with the password {builder.PASSWORD} as",
            *(f"    {account.email:<24} {account.what}" for account in parts.ACCOUNTS),
            "",
            f"  Mails are kept at {address}/development/mails",
            "  `make forward BY=14d`, in a second terminal, moves the clock ahead.",
            "",
        ]
    return "\n".join(lines)


def _anew_as_demo() -> None:
    """Run the same command in the demo's environment where none is named; refuse in any other."""
    if os.environ.get("ENVIRONMENT"):
        raise click.UsageError("this needs ENVIRONMENT=demo: sample people do not belong among real ones")
    os.execve(sys.executable, [sys.executable, "-m", "flask", *sys.argv[1:]], {**os.environ, "ENVIRONMENT": "demo"})  # noqa: S606


def _refuse_real_people() -> None:
    """No demo where people live who are none of its own, whatever the environment is called."""
    if not inspect(db.engine).has_table("users") or not builder.is_filled(db.session):
        return
    if not builder.is_sample(db.session):
        raise click.UsageError(
            "the people in this database are none of the demo's. Nothing was changed. Name another one with DATABASE_URL"
        )


def _span(text: str) -> timedelta:
    """`14d`, `36h`, `90m` as a span of time."""
    match = re.fullmatch(r"(\d{1,4})([dhm])", text.strip())
    if not match:
        raise click.BadParameter("say for example 14d, 36h or 90m")
    number, unit = match.groups()
    return timedelta(**{{"d": "days", "h": "hours", "m": "minutes"}[unit]: int(number)})


def _policy() -> Policy:
    return cast(Policy, current_app.extensions["policy"])


def _gateways() -> Gateways:
    return cast(Gateways, current_app.extensions["gateways"])
