"""The four languages: which one this request speaks, and `gettext` bound once per request.

Flask-Babel looks the language up for every single string, which was measured as more than half of a page's time; here
the catalogue is fetched once per request and each string is one dictionary look-up.
"""

from collections.abc import Callable
from contextvars import ContextVar
from functools import cache
from gettext import NullTranslations
from pathlib import Path
from typing import Any

from babel.support import Translations
from flask import Flask, current_app, has_request_context, request
from flask_babel import Babel, force_locale
from flask_babel.speaklater import LazyString
from flask_login import current_user
from markupsafe import Markup

from config import LANGUAGES
from marketplace.domain.errors import DomainError

OWN_NAMES = {"de": "Deutsch", "fr": "Français", "it": "Italiano", "en": "English"}
# How dates and money are written: as in Switzerland, whatever the language.
LOCALES = {"de": "de_CH", "fr": "fr_CH", "it": "it_CH", "en": "en_CH"}
COOKIE = "language"
WRITTEN_IN = "en"  # our sentences are their own English
TRANSLATIONS = Path(__file__).parent.parent / "translations"

ENGLISH = NullTranslations()  # the sentences as they stand in the code
_catalogue: ContextVar[NullTranslations] = ContextVar("catalogue", default=ENGLISH)
babel = Babel()


class MissingCatalogue(RuntimeError):
    """A language that would silently come out as English."""


def register(app: Flask) -> None:
    """Set up Flask-Babel and the bound `_` and `ngettext` of every template; raises MissingCatalogue."""
    demand_catalogues(TRANSLATIONS)
    app.config.setdefault("BABEL_DEFAULT_LOCALE", app.config["DEFAULT_LANGUAGE"])
    app.config.setdefault("BABEL_DEFAULT_TIMEZONE", app.config["TIME_ZONE"])
    babel.init_app(app, locale_selector=lambda: LOCALES[language()])
    app.jinja_env.add_extension("jinja2.ext.i18n")
    app.jinja_env.globals.update(_=gettext, gettext=gettext, ngettext=ngettext)
    app.before_request(_bind)
    app.after_request(_remember)


def demand_catalogues(folder: Path) -> None:
    """Refuse to start while a language's catalogue is not compiled."""
    missing = [code for code in LANGUAGES if code != WRITTEN_IN and not _compiled(folder, code).exists()]
    if missing:
        raise MissingCatalogue(f"no compiled catalogue for {', '.join(missing)}: `make install` compiles them")


def language() -> str:
    """This request's language: asked for in the address, remembered, of the account, the browser, or the operator."""
    if not has_request_context():
        return str(current_app.config["DEFAULT_LANGUAGE"])
    asked = request.args.get("lang") or request.cookies.get(_cookie_name())
    if asked in LANGUAGES:
        return asked
    if current_user and current_user.is_authenticated:
        return str(current_user.language)
    return request.accept_languages.best_match(LANGUAGES) or str(current_app.config["DEFAULT_LANGUAGE"])


def speaking(code: str, work: Callable[[], Any]) -> Any:
    """The result of `work` done in the language `code`: for mails, which speak their reader's language."""
    token = _catalogue.set(catalogue(code))
    try:
        with force_locale(LOCALES[code]):
            return work()
    finally:
        _catalogue.reset(token)


@cache
def catalogue(code: str) -> NullTranslations:
    """The catalogue of a language, read once per process."""
    return Translations.load(TRANSLATIONS, [code])


def gettext(message: str, **values: Any) -> Markup:
    """The sentence in this request's language; values are escaped when they are filled in."""
    text = Markup(_catalogue.get().gettext(message))  # noqa: S704  (our own catalogues are trusted)
    return text % values if values else text


def ngettext(one: str, many: str, n: int, **values: Any) -> Markup:
    """The sentence for one or many; `num` is filled in by itself."""
    return Markup(_catalogue.get().ngettext(one, many, n)) % {"num": n, **values}  # noqa: S704


def plain_gettext(message: str, **values: Any) -> str:
    """The sentence as plain text: for mails, where nothing is escaped."""
    text = _catalogue.get().gettext(message)
    return text % values if values else text


def plain_ngettext(one: str, many: str, n: int, **values: Any) -> str:
    """The sentence for one or many as plain text."""
    return _catalogue.get().ngettext(one, many, n) % {"num": n, **values}


def lazy_gettext(message: str, **values: Any) -> LazyString:
    """A sentence that is translated when it is shown: for the labels of forms."""
    return LazyString(gettext, message, **values)


def say(error: DomainError) -> Markup:
    """A refusal's sentence in this request's language."""
    return gettext(error.sentence, **error.values)


def _compiled(folder: Path, code: str) -> Path:
    return folder / code / "LC_MESSAGES" / "messages.mo"


def _bind() -> None:
    """Take this request's catalogue in hand."""
    _catalogue.set(catalogue(language()))


def _remember(response: Any) -> Any:
    """Keep the language that was asked for in the address for the next pages."""
    if request.args.get("lang") in LANGUAGES:
        how = {"max_age": 31_536_000, "samesite": "Lax", "secure": current_app.config["HTTPS"]}
        response.set_cookie(_cookie_name(), request.args["lang"], **how)
    return response


def _cookie_name() -> str:
    return f"__Host-{COOKIE}" if current_app.config["HTTPS"] else COOKIE
