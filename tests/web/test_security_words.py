"""What Flask-Security says: in our words wherever a switched-on feature speaks, and in its own only where none does."""

import re
from pathlib import Path
from typing import NamedTuple

import flask_security
import pytest
from babel.messages.pofile import read_po
from flask import Flask
from flask_babel import force_locale
from flask_security.core import _default_messages as THEIR_MESSAGES

from config import ROOT
from marketplace.web.languages import LOCALES, speaking
from marketplace.web.security.words import MESSAGES, Words
from tests.languages import TRANSLATED

THEIRS = Path(flask_security.__file__).parent

# Their messages that are not ours, by the feature to which they belong: each is switched off.
SWITCHED_OFF = {
    "UNIFIED_SIGNIN": {
        "CODE_HAS_BEEN_SENT",
        "GENERIC_US_SIGNIN",
        "IDENTITY_ALREADY_ASSOCIATED",
        "INVALID_PASSWORD_CODE",
        "US_CURRENT_METHODS",
        "US_METHOD_NOT_AVAILABLE",
        "US_SETUP_EXPIRED",
        "US_SETUP_SUCCESSFUL",
        "US_SPECIFY_IDENTITY",
    },
    "PASSWORDLESS": {"INVALID_LOGIN_TOKEN", "LOGIN_EMAIL_SENT", "LOGIN_EXPIRED", "PASSWORDLESS_LOGIN_SUCCESSFUL"},
    "OAUTH_ENABLE": {"IDENTITY_NOT_REGISTERED", "OAUTH_HANDSHAKE_ERROR"},
    "REFRESH_TOKEN": {"REFRESH_TOKEN_INVALID"},
    "USERNAME_ENABLE": {
        "USERNAME_ALREADY_ASSOCIATED",
        "USERNAME_DISALLOWED_CHARACTERS",
        "USERNAME_INVALID_LENGTH",
        "USERNAME_NOT_PROVIDED",
    },
    "CHANGE_USERNAME": {"USERNAME_CHANGE"},
    "USERNAME_RECOVERY": {"USERNAME_RECOVERY_REQUEST"},
    "AUTO_LOGIN_AFTER_RESET": {"PASSWORD_RESET"},
    "PASSWORD_CHECK_BREACHED": {"PASSWORD_BREACHED", "PASSWORD_BREACHED_SITE_ERROR"},
    "PASSWORD_COMPLEXITY_CHECKER": {"PASSWORD_TOO_SIMPLE"},
    "TWO_FACTOR_BY_MAIL_OR_PHONE": {"FAILED_TO_SEND_CODE", "PHONE_INVALID", "USE_CODE"},
}
NEVER_SAID = {"GENERIC_RECOVERY", "LOGIN", "PASSWORD_MISMATCH", "REFRESH"}  # in their table, and nowhere in their code


class Left(NamedTuple):
    """A sentence of theirs that a language does not have: in which languages, and why nobody misses it."""

    languages: str
    why: str


OUR_PAGE, SAME = "on a page of theirs that ours replaces", "the same word there"  # else the feature that is off
LEFT = {
    "An error occurred while communicating with the OAuth provider: (%(exerror)s - %(exdesc)s). Please try again.": Left(
        "de", "OAUTH_ENABLE"
    ),
    "Refresh token is invalid (%(reason)s)": Left("de", "REFRESH_TOKEN"),
    "Refresh Token": Left("de", "REFRESH_TOKEN"),
    "Via SMS": Left("de", "UNIFIED_SIGNIN"),
    "SMS": Left("de fr it", "TWO_FACTOR_BY_MAIL_OR_PHONE"),
    "email": Left("fr it", "TWO_FACTOR_BY_MAIL_OR_PHONE"),
    "Use Social Login to Sign In": Left("de", OUR_PAGE),
    "Use Social Login to Reauthenticate": Left("de", OUR_PAGE),
    "Continue with %(provider)s": Left("de", OUR_PAGE),
    "Confirm Sign Out": Left("de", OUR_PAGE),
    'Use <a href="%(reset_link)s">this link</a> to reset your password.': Left("de", OUR_PAGE),
    "Use %(reset_link)s to reset your password.": Left("de", OUR_PAGE),
    "Your password has been reset.": Left("de", OUR_PAGE),
    "This code will expire in %(within)s.": Left("de", OUR_PAGE),
    "You can sign in to your account using the following code: %(code)s": Left("de", OUR_PAGE),
    "This code/link will expire in %(within)s.": Left("de", OUR_PAGE),
    "Passkeys": Left("de", OUR_PAGE),
    "Menu": Left("fr", OUR_PAGE),
    "Start": Left("de", SAME),
    "Google Authenticator": Left("de it", SAME),
    "Password": Left("it", SAME),
    "password": Left("it", SAME),
    "passkey": Left("it", SAME),
}


def is_off(app: Flask, feature: str) -> bool:
    if feature == "TWO_FACTOR_BY_MAIL_OR_PHONE":
        return app.config["SECURITY_TWO_FACTOR_ENABLED_METHODS"] == ["authenticator"]
    return not app.config[f"SECURITY_{feature}"]


def said(sentence: str, code: str) -> str:
    """The sentence as Flask-Security would get it in this language."""
    return str(speaking(code, lambda: Words().gettext(sentence)))


def their_sentences() -> dict[str, list[str]]:
    """Every sentence of theirs that ours do not replace, with the files in which it stands."""
    with (THEIRS / "translations" / "flask_security.pot").open("rb") as file:
        gathered = [(message.id, message.locations) for message in read_po(file) if message.id]
    replaced = {THEIR_MESSAGES[key][0] for key in MESSAGES}
    singles = [(ids if isinstance(ids, str) else ids[0], places) for ids, places in gathered]
    return {sentence: [place for place, _ in places] for sentence, places in singles if sentence not in replaced}


# ---- The messages


def test_every_message_is_in_our_words_or_of_a_feature_that_is_off(app: Flask, figure) -> None:
    off = set().union(*SWITCHED_OFF.values())
    assert MESSAGES.keys() <= THEIR_MESSAGES.keys()
    assert THEIR_MESSAGES.keys() - MESSAGES.keys() == off | NEVER_SAID
    assert [feature for feature in SWITCHED_OFF if not is_off(app, feature)] == []
    figure("messages of Flask-Security in our words", len(MESSAGES))
    figure("messages of Flask-Security that belong to features switched off", len(off))


def test_what_is_never_said_is_nowhere_in_their_code() -> None:
    code = [path for path in THEIRS.rglob("*.py") if path.name != "core.py"]
    for key in NEVER_SAID:
        assert [path.name for path in code if re.search(rf"[\"']{key}[\"']", path.read_text())] == []
        assert len(re.findall(rf"[\"']{key}[\"']", (THEIRS / "core.py").read_text())) == 1


@pytest.mark.parametrize("code", TRANSLATED)
def test_every_message_of_ours_is_said_in_the_readers_language(app: Flask, code: str) -> None:
    with app.test_request_context():
        for key, (sentence, _) in MESSAGES.items():
            assert said(sentence, code) not in (sentence, THEIR_MESSAGES[key][0]), key
            assert app.config[f"SECURITY_MSG_{key}"][0] == sentence


def test_a_feature_that_is_switched_on_is_noticed(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(app.config, "SECURITY_PASSWORDLESS", True)
    monkeypatch.setitem(app.config, "SECURITY_TWO_FACTOR_ENABLED_METHODS", ["authenticator", "sms"])
    on = [feature for feature in SWITCHED_OFF if not is_off(app, feature)]
    assert on == ["PASSWORDLESS", "TWO_FACTOR_BY_MAIL_OR_PHONE"]


# ---- Everything else that they say: labels, pages, mails


def test_what_a_language_lacks_is_never_shown(app: Flask, figure) -> None:
    lacking: dict[str, list[str]] = {}
    with app.test_request_context():
        for code in TRANSLATED:
            with force_locale(LOCALES[code]):
                for sentence in their_sentences():
                    if said(sentence, code) == sentence:
                        lacking.setdefault(sentence, []).append(code)
    assert lacking == {sentence: left.languages.split() for sentence, left in LEFT.items()}
    figure("sentences of Flask-Security without German, none of them ever shown", _count("de"))
    figure("sentences of Flask-Security without French, none of them ever shown", _count("fr"))
    figure("sentences of Flask-Security without Italian, none of them ever shown", _count("it"))


def test_what_stands_on_a_page_of_theirs_stands_only_there_and_ours_is_shown_instead(app: Flask) -> None:
    places = their_sentences()
    for sentence, left in LEFT.items():
        if left.why == OUR_PAGE:
            assert [place for place in places[sentence] if not is_never_drawn(app, place)] == [], sentence
        elif left.why != SAME:
            assert is_off(app, left.why), sentence


def test_a_page_of_theirs_that_would_be_drawn_is_noticed(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    there = "flask_security/templates/security"
    assert is_never_drawn(app, f"{there}/us_signin.html")
    monkeypatch.setitem(app.config, "SECURITY_UNIFIED_SIGNIN", True)
    monkeypatch.setitem(app.config, "SECURITY_LOGOUT_METHODS", ["GET", "POST"])
    monkeypatch.setitem(app.config, "SECURITY_EMAIL_HTML", True)
    drawn = ("us_signin.html", "logout_user.html", "email/reset_notice.html", "email/us_instructions.txt")
    assert [name for name in drawn if is_never_drawn(app, f"{there}/{name}")] == []
    assert is_never_drawn(app, f"{there}/verify.html")  # ours is there
    assert not is_never_drawn(app, "flask_security/forms.py")


def is_never_drawn(app: Flask, place: str) -> bool:
    """Whether a file of theirs is a page or mail that nobody gets to see."""
    name = place.partition("templates/")[2]
    if not name:
        return False  # code
    if (ROOT / "templates" / name).exists():
        return True  # Flask takes ours of the same name
    if name.startswith("security/email/"):
        return not app.config["SECURITY_EMAIL_HTML"] if name.endswith(".html") else _is_mail_of(app, name)
    drawn = {key: value for key, value in app.config.items() if key.startswith("SECURITY_") and value == name}
    return all(_is_page_off(app, key) for key in drawn)  # a part of a page, or the page of no setting, is drawn by none


def _is_mail_of(app: Flask, name: str) -> bool:
    """Whether this mail is written by a feature that is off."""
    feature = "UNIFIED_SIGNIN" if Path(name).name.startswith("us_") else "TWO_FACTOR_BY_MAIL_OR_PHONE"
    return is_off(app, feature)


def _is_page_off(app: Flask, setting: str) -> bool:
    if setting == "SECURITY_LOGOUT_USER_TEMPLATE":
        return app.config["SECURITY_LOGOUT_METHODS"] == ["POST"]  # one signs out by a button, on no page of its own
    return setting.startswith("SECURITY_US_") and is_off(app, "UNIFIED_SIGNIN")


def _count(code: str) -> int:
    return sum(code in left.languages.split() for left in LEFT.values())
