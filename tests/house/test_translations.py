"""House rules of the languages: every sentence is in every catalogue, natively, with its values; mails and figures too."""

import ast
import re
from collections.abc import Iterable, Iterator
from copy import deepcopy
from datetime import UTC, datetime
from io import BytesIO
from pathlib import Path

import pytest
from babel.messages.catalog import Catalog, Message
from babel.messages.extract import extract
from babel.messages.pofile import read_po
from flask import Flask
from flask_wtf import FlaskForm
from sqlalchemy.orm import Session
from wtforms import IntegerField, RadioField, StringField
from wtforms.fields.choices import SelectChoice
from wtforms.validators import InputRequired, Length, NumberRange

from config import LANGUAGES, ROOT
from marketplace.domain.notices import NOTICES
from marketplace.models import User
from marketplace.web import filters, mails
from marketplace.web.languages import TRANSLATIONS, WRITTEN_IN, MissingCatalogue, demand_catalogues, speaking
from marketplace.web.security import mails as security_mails
from tests.factories import make_booking, make_certification, make_helper
from tests.languages import ALIKE, ENGLISH, FAMILIAR, KEYWORDS, TRANSLATED, gathered

ENDS = ".:?!"
ABBREVIATED = ("Min.", "Std.")
FOREIGN_SIGNS = {
    "de": re.compile("[ß„“”\"']"),  # Swiss spelling and « » as in every Swiss newspaper
    # French has a narrow space before ; : ! ? » and after «
    "fr": re.compile("[„“”\"']|[^\u202f][;!?»]|[^\u202f]:(?!\\d)|«(?!\u202f)"),
    "it": re.compile("[„“”\"']"),
}


def read(code: str) -> Catalog:
    with (TRANSLATIONS / code / "LC_MESSAGES" / "messages.po").open("rb") as file:
        return read_po(file, locale=code)


def sentences(catalogue: Catalog) -> Iterator[tuple[tuple[str, ...], tuple[str, ...], Message]]:
    """Each entry as its English forms and its translated forms."""
    for message in catalogue:
        if message.id:
            forms = message.string if isinstance(message.string, (tuple, list)) else (message.string,)
            yield (message.id,) if isinstance(message.id, str) else tuple(message.id), tuple(forms), message


def values_of(sentence: str) -> set[str]:
    return set(re.findall(r"%\(\w+\)[a-z]|%%|%(?!\(|%)", sentence))


def faults(catalogue: Catalog, wanted: set[tuple[str, ...]], code: str) -> list[str]:
    """What is wrong with a catalogue."""
    kept = {ids for ids, _, _ in sentences(catalogue)}
    found = [f"missing: {ids[0]}" for ids in wanted - kept] + [f"not used: {ids[0]}" for ids in kept - wanted]
    found += [f"left over: {sentence}" for sentence in catalogue.obsolete]
    for ids, forms, message in sentences(catalogue):
        found += [f"{why}: {ids[0]}" for why in _entry_faults(ids, forms, message, catalogue.num_plurals, code)]
    return sorted(found)


def _entry_faults(
    ids: tuple[str, ...], forms: tuple[str, ...], message: Message, plurals: int, code: str
) -> Iterator[str]:
    if message.fuzzy:
        yield "fuzzy"
    if len(forms) != (plurals if len(ids) > 1 else 1) or not all(form and form.strip() for form in forms):
        yield "not translated in every form"
        return
    if ids[0] in forms and code not in ALIKE.get(ids[0], "").split():
        yield "equal to its source"
    if values_of(forms[-1]) != values_of(ids[-1]) or not all(values_of(form) <= values_of(ids[-1]) for form in forms):
        yield "other values"
    for form in forms:
        if (form[0].isspace(), form[-1].isspace()) != (ids[0][0].isspace(), ids[0][-1].isspace()):
            yield "other white space"
        if (ids[0][-1] in ENDS) != (form[-1] in ENDS) and not form.endswith(ABBREVIATED):
            yield "ends otherwise"
        if FAMILIAR[code].search(form):
            yield "familiar instead of polite"
        if FOREIGN_SIGNS[code].search(form):
            yield "signs of another country"


@pytest.fixture(scope="module")
def wanted() -> set[tuple[str, ...]]:
    return gathered()


@pytest.mark.parametrize("code", TRANSLATED)
def test_every_sentence_is_translated(code: str, wanted: set[tuple[str, ...]], figure) -> None:
    catalogue = read(code)
    assert faults(catalogue, wanted, code) == []
    figure(f"sentences translated into {catalogue.locale.english_name}", len(wanted))


def marked(tree: ast.Module) -> set[str]:
    """Every sentence that stands in one of the marks by which sentences are gathered, however deep."""
    calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)]
    first = [node.args[0] for node in calls if node.args and node.func.id in KEYWORDS]
    return {node.value for node in first if isinstance(node, ast.Constant) and isinstance(node.value, str)}


def test_no_marked_sentence_escapes_the_gathering(wanted: set[tuple[str, ...]]) -> None:
    """Babel overlooks a mark inside another one's call: that sentence would be English in every language."""
    code = {path: ast.parse(path.read_text(encoding="utf-8")) for path in (ROOT / "marketplace").rglob("*.py")}
    escaped = {str(path): sorted(marked(tree) - {ids[0] for ids in wanted}) for path, tree in code.items()}
    assert {path: lost for path, lost in escaped.items() if lost} == {}


def test_a_sentence_that_escapes_is_seen() -> None:
    hidden = '_(SAID.get(state, N_("Lost.")))'
    assert marked(ast.parse(hidden)) == {"Lost."}
    assert list(extract("python", BytesIO(hidden.encode()), KEYWORDS)) == []


def test_the_exceptions_are_needed() -> None:
    alike = {code: {ids[0] for ids, forms, _ in sentences(read(code)) if ids[0] in forms} for code in TRANSLATED}
    listed = {code: {sentence for sentence, codes in ALIKE.items() if code in codes.split()} for code in TRANSLATED}
    assert listed == alike


# Sentences with a figure in them that nobody configures: examples of what to type, steps, what the design page makes up.
FIGURES = {
    "%(num)d star of 5",
    "1. Say what is wrong",
    "2. Choose a helper",
    "3. Pay when it works",
    "A card number has 12 to 19 digits. Please type digits only.",
    "For example 19:30",
    "Each bid can earn 100 points:",
    "Luca bids CHF 65",
    "Open your authenticator app, for example Aegis, 2FAS or the one of your phone.",
    "Please choose 0 to %(max)s percent.",
    "“%(typed)s” is no day. Please choose one, for example 2026-11-01.",
    "Please choose a full quarter of an hour, such as 19:15.",
    "Please give a postcode of four or five digits, for example 8400.",
    "Please type a date such as 2026-11-28.",
    "Please type a phone number, for example 079 123 45 67.",
    "Please type a time such as 19:30.",
    "Please type an amount such as 60 or 60.50.",
    "The cautious rating grows with the number of reviews: from 5 stars in %(count)s reviews it becomes %(rating)s.",
    "The visit is in less than 24 hours. Luca has kept the evening free, so half of the price goes to him.",
    "This is not a phone number. It looks like 079 123 45 67.",
    "Usual in your area: CHF 40 to 80.",
    "You propose CHF 55",
}


def with_figures(sentences: Iterable[tuple[str, ...]]) -> set[str]:
    """The sentences in which a figure is written out."""
    return {forms[0] for forms in sentences if re.search(r"\d", re.sub(r"%\(\w+\)[sd]", "", " ".join(forms)))}


def test_no_sentence_writes_out_a_number_that_an_operator_may_change(wanted: set[tuple[str, ...]]) -> None:
    assert with_figures(wanted) == FIGURES
    assert with_figures([("Silence for 72 hours signs off.",), ("%(days)s days", "14 days")]) == {
        "Silence for 72 hours signs off.",
        "%(days)s days",
    }


@pytest.mark.parametrize(
    ("spoil", "fault"),
    [
        (lambda message: setattr(message, "string", ""), "not translated in every form"),
        (lambda message: setattr(message, "string", message.id), "equal to its source"),
        (lambda message: setattr(message, "string", "Bis %(wann)s offen."), "other values"),
        (lambda message: setattr(message, "string", "Dein Auftrag ist bis %(day)s offen."), "familiar"),
        (lambda message: setattr(message, "string", "Der Spaß geht bis %(day)s."), "signs of another country"),
        (lambda message: setattr(message, "string", "Offen bis %(day)s"), "ends otherwise"),
        (lambda message: setattr(message, "string", "Offen bis %(day)s. "), "other white space"),
        (lambda message: message.flags.add("fuzzy"), "fuzzy"),
        (lambda message: setattr(message, "id", "Nobody says this until %(day)s."), "not used"),
    ],
)
def test_a_spoilt_catalogue_is_found_out(spoil, fault: str, wanted: set[tuple[str, ...]]) -> None:
    catalogue = read("de")
    spoil(catalogue.get("Helpers can bid until %(day)s."))
    assert any(one.startswith(fault) for one in faults(catalogue, wanted, "de"))


def test_a_sentence_nobody_translated_is_found_out(wanted: set[tuple[str, ...]]) -> None:
    more = {*wanted, ("A sentence of tomorrow.",), ("%(num)d sheep", "%(num)d sheep and more")}
    missing = [fault for fault in faults(read("fr"), more, "fr") if fault.startswith("missing")]
    assert missing == ["missing: %(num)d sheep", "missing: A sentence of tomorrow."]
    half = deepcopy(read("it"))
    half.get(("%(num)d bid", "%(num)d bids")).string = ("%(num)d offerta", "")
    assert "not translated in every form: %(num)d bid" in faults(half, wanted, "it")


def test_nothing_starts_without_its_catalogues(tmp_path: Path) -> None:
    demand_catalogues(TRANSLATIONS)
    for code in TRANSLATED[1:]:
        file = tmp_path / code / "LC_MESSAGES" / "messages.mo"
        file.parent.mkdir(parents=True)
        file.touch()
    with pytest.raises(MissingCatalogue, match="no compiled catalogue for de:"):
        demand_catalogues(tmp_path)


@pytest.mark.parametrize("code", LANGUAGES)
def test_every_notice_is_written_in_the_language_of_its_reader(code: str, session: Session, figure) -> None:
    helper = make_helper(session, "Hans Helfer", language=code)
    booking = make_booking(session, state="no_show")
    certification = make_certification(session, helper, "tv")
    facts = {
        "task_id": booking.task_id,
        "bid_id": booking.bid_id,
        "booking_id": booking.id,
        "certification_id": certification.id,
        "skill_id": certification.skill_id,
        "helper_id": helper.id,
    }
    figures = dict.fromkeys(("cents", "refund_cents", "helper_cents", "from_helper_cents"), 2750) | {"count": 2}
    session.commit()
    for kind in NOTICES:
        subject, body, _enclosed = mails.words(kind, helper, facts | figures)
        assert subject, kind
        assert len(body.split()) > 20, kind
        assert "http" in body, f"{kind} leads nowhere"
        _reads_well(f"{subject}\n{body}", code, kind)
    figure("notices written as mails, over four languages", len(NOTICES))


@pytest.mark.parametrize("code", LANGUAGES)
@pytest.mark.parametrize("how", ["held_cents", "card_saved_cents", "cash_cents"])
def test_a_booking_is_confirmed_as_it_is_paid(code: str, how: str, session: Session) -> None:
    booking = make_booking(session)
    customer, helper = (session.get_one(User, one) for one in (booking.customer_id, booking.helper_id))
    facts = {"booking_id": booking.id, "task_id": booking.task_id, "bid_id": booking.bid_id, how: 4321}
    written = set()
    for kind, reader in (("booking_confirmed", customer), ("booking_won", helper)):
        reader.language = code
        session.commit()
        subject, body, _enclosed = mails.words(kind, reader, facts)
        _reads_well(f"{subject}\n{body}", code, f"{kind} {how}")
        written.add(body)
    paid = "".join(written)
    assert ("43" in paid and "21" in paid) == (how != "held_cents"), paid  # what is held is the price


@pytest.mark.parametrize("code", LANGUAGES)
@pytest.mark.parametrize("kind", ["silence_signed_off", "visit_signed_off"])
def test_a_sign_off_is_told_as_the_visit_is_paid(code: str, kind: str, session: Session) -> None:
    booking = make_booking(session, state="signed_off")
    reader = session.get_one(User, booking.customer_id if kind == "silence_signed_off" else booking.helper_id)
    reader.language = code
    session.commit()
    about = {"booking_id": booking.id, "task_id": booking.task_id}
    bodies = [mails.words(kind, reader, {**about, "cash_cents": cash, "helper_cents": 0})[1] for cash in (0, 4321)]
    _reads_well(bodies[1], code, f"{kind} in cash")
    assert ["43" in body and "21" in body for body in bodies] == [False, True]


@pytest.mark.parametrize("code", LANGUAGES)
@pytest.mark.parametrize(
    "kind", ["visit_given_up", "no_show_reported", "money_given_back", "booking_cancelled", "extra_off"]
)
def test_each_side_reads_its_own_words(code: str, kind: str, session: Session) -> None:
    booking = make_booking(session, state="no_show")
    figures = {"refund_cents": 3500, "helper_cents": 2000, "from_helper_cents": 500, "cents": 2500}
    facts = {"booking_id": booking.id, "task_id": booking.task_id, **figures}
    bodies = set()
    for user_id in (booking.customer_id, booking.helper_id):
        reader = session.get_one(User, user_id)
        reader.language = code
        session.commit()
        subject, body, _enclosed = mails.words(kind, reader, facts)
        _reads_well(f"{subject}\n{body}", code, kind)
        bodies.add(body.replace(reader.name, ""))
    assert len(bodies) == 2


@pytest.mark.parametrize("code", LANGUAGES)
def test_every_mail_about_an_account_is_written_in_the_language_of_its_reader(code: str, app: Flask, session) -> None:
    reader = make_helper(session, "Hans Helfer", language=code)
    values = {"within": "4", "new_email": "neu@example.org", "link": "http://localhost/x"}
    with app.test_request_context():
        for file in sorted((ROOT / "templates" / "security" / "email").glob("*.txt")):
            text = security_mails.words(f"security/email/{file.name}", reader, **values)
            subject, _, body = text.strip().partition("\n")
            assert subject.strip(), file.name
            assert len(body.split()) > 15, file.name
            _reads_well(text, code, file.name)


def _reads_well(text: str, code: str, which: str) -> None:
    """No value left open, no tag or entity, no English but in English, and the polite form."""
    assert not re.search(r"%\(|&#?\w+;|\bNone\b|<\w+", text), f"{which}: {text}"
    words = " ".join(word for word in text.split() if "://" not in word)
    assert bool(ENGLISH.search(words)) == (code == WRITTEN_IN), f"{which}: {ENGLISH.search(words)} in {text}"
    assert code == WRITTEN_IN or not FAMILIAR[code].search(words), f"{which}: {text}"


@pytest.mark.parametrize(
    ("code", "shown"),
    [
        ("de", ("CHF 1’234.50", "Samstag, 21. November 2026", "Samstag, 21. November, 19:30", "4.3")),
        ("fr", ("CHF 1’234.50", "samedi 21 novembre 2026", "samedi 21 novembre, 19:30", "4,3")),
        ("it", ("CHF 1’234.50", "sabato 21 novembre 2026", "sabato 21 novembre, 19:30", "4.3")),
        ("en", ("CHF 1’234.50", "Saturday, 21 November 2026", "Saturday, 21 November, 19:30", "4.3")),
    ],
)
def test_figures_read_as_the_country_writes_them(app: Flask, code: str, shown: tuple[str, ...]) -> None:
    at = datetime(2026, 11, 21, 18, 30, tzinfo=UTC)

    def written() -> tuple[str, ...]:
        return filters.money(123450), filters.day(at), str(filters.moment(at)), filters.stars(439)

    with app.test_request_context():
        assert shown == tuple(re.sub(r"\s", " ", one) for one in speaking(code, written))


def test_a_constant_in_a_template_is_written_in_each_language(app: Flask) -> None:
    template = app.jinja_env.from_string("{{ 123450|money }} {{ 439|stars }}")
    with app.test_request_context():
        shown = {code: re.sub(r"\s", " ", speaking(code, template.render)) for code in LANGUAGES}
    assert shown == {
        "de": "CHF 1’234.50 4.3",
        "fr": "CHF 1’234.50 4,3",
        "it": "CHF 1’234.50 4.3",
        "en": "CHF 1’234.50 4.3",
    }


class EveryRefusal(FlaskForm):
    """A form that gets every kind of answer that WTForms itself refuses in our forms."""

    empty = StringField(validators=[InputRequired()])
    long = StringField(validators=[Length(max=3)])
    large = IntegerField(validators=[NumberRange(min=1, max=100)])
    word = IntegerField()
    choice = RadioField(choices=[SelectChoice("a", "A")])


@pytest.mark.parametrize("code", LANGUAGES)
def test_the_refusals_of_the_forms_library_are_translated(app: Flask, code: str) -> None:
    answers = {"long": "abcd", "large": "101", "word": "x", "choice": "b"}
    with app.test_request_context(method="POST", data=answers):

        def refused() -> dict[str, list[str]]:
            form = EveryRefusal(meta={"csrf": False})
            form.validate()
            return {name: [str(one) for one in told] for name, told in form.errors.items()}

        told = speaking(code, refused)
    assert set(told) == {"empty", "long", "large", "word", "choice"}
    text = " ".join(one for many in told.values() for one in many)
    assert bool(re.search(r"\b(field|number|valid choice|value)\b", text)) == (code == WRITTEN_IN), text
    assert code == WRITTEN_IN or not FAMILIAR[code].search(text)
