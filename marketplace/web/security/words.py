"""What Flask-Security says, in our words and in the reader's language.

Every message of the features that are switched on is here; what is left to its own catalogues belongs to others.
"""

from functools import cache
from pathlib import Path
from typing import Any

import flask_security
from babel.lists import format_list
from babel.support import NullTranslations, Translations
from flask_babel import get_locale
from markupsafe import Markup

from marketplace.domain.errors import N_
from marketplace.web.languages import gettext

THEIRS = {"de": "de_DE", "fr": "fr_FR", "it": "it_IT"}

MESSAGES = {
    "UNAUTHENTICATED": (N_("Please sign in to see this page."), "info"),
    "REAUTHENTICATION_REQUIRED": (N_("Please enter your password again: this page is specially protected."), "info"),
    "REAUTHENTICATION_SUCCESSFUL": (N_("Thank you, that was right."), "success"),
    "ANONYMOUS_USER_REQUIRED": (N_("You are signed in already."), "info"),
    "UNAUTHORIZED": (N_("You may not do this."), "error"),
    "API_ERROR": (N_("This did not work. Please start again."), "error"),
    "INVALID_REDIRECT": (N_("We do not lead to other sites."), "error"),
    "INVALID_INPUT": (N_("Please use letters, figures and simple signs only."), "error"),
    "INVALID_INPUT_LENGTH": (N_("Please write less."), "error"),
    # Signing in
    "GENERIC_AUTHN_FAILED": (N_("The mail address or the password is not right. Please try again."), "error"),
    "INVALID_PASSWORD": (N_("The password is not right."), "error"),
    "FORGOT_PASSWORD": (N_("I do not know my password any more"), "info"),
    "PASSWORD_NOT_PROVIDED": (N_("Please enter your password."), "error"),
    "EMAIL_NOT_PROVIDED": (N_("Please enter your mail address."), "error"),
    "INVALID_EMAIL_ADDRESS": (N_("This is not a mail address. It looks like name@example.org."), "error"),
    "CONFIRMATION_REQUIRED": (
        N_("Please confirm your mail address first: open the link in the mail that we sent you."),
        "error",
    ),
    "DISABLED_ACCOUNT": (N_("This account is suspended."), "error"),
    "USER_DOES_NOT_EXIST": (N_("There is no such account."), "error"),
    # Registering and confirming
    "CONFIRM_REGISTRATION": (N_("We have sent a mail to %(email)s."), "success"),
    "CONFIRMATION_REQUEST": (N_("If %(email)s still has to be confirmed, a mail is on its way."), "info"),
    "EMAIL_CONFIRMED": (N_("Thank you, your mail address is confirmed. Now you can sign in."), "success"),
    "ALREADY_CONFIRMED": (N_("Your mail address is confirmed already. You can sign in."), "info"),
    "INVALID_CONFIRMATION_TOKEN": (
        N_("This link is not complete or no longer valid. We can send you a new one."),
        "error",
    ),
    "CONFIRMATION_EXPIRED": (N_("This link was valid for %(within)s. We can send you a new one."), "error"),
    "EMAIL_ALREADY_ASSOCIATED": (N_("There is an account with this mail address already."), "error"),
    # Passwords
    "PASSWORD_INVALID_LENGTH": (
        N_("The password needs at least %(length)s characters. Three or four words are easy to remember."),
        "error",
    ),
    "RETYPE_PASSWORD_MISMATCH": (N_("The two passwords are not the same."), "error"),
    "PASSWORD_IS_THE_SAME": (N_("The new password is the same as the old one."), "error"),
    "PASSWORD_RESET_REQUEST": (N_("If there is an account for %(email)s, a mail is on its way."), "info"),
    "PASSWORD_RESET_EXPIRED": (N_("This link was valid for %(within)s. We can send you a new one."), "error"),
    "INVALID_RESET_PASSWORD_TOKEN": (
        N_("This link is not complete or no longer valid. We can send you a new one."),
        "error",
    ),
    "PASSWORD_RESET_NO_LOGIN": (N_("Your new password is set. Now you can sign in with it."), "success"),
    "PASSWORD_CHANGE": (N_("Your new password is set. You are signed out on all other devices."), "success"),
    # Changing the mail address
    "CHANGE_EMAIL_SENT": (
        N_("We have sent a mail to %(email)s. Open the link in it to confirm the new address."),
        "success",
    ),
    "CHANGE_EMAIL_CONFIRMED": (N_("Your new mail address is confirmed."), "success"),
    "CHANGE_EMAIL_EXPIRED": (N_("This link was valid for %(within)s. Please start again."), "error"),
    # The second step
    "TWO_FACTOR_INVALID_TOKEN": (N_("This code is not right. Please enter the newest one."), "error"),
    "INVALID_CODE": (N_("This code is not right. Please enter the newest one."), "error"),
    "TWO_FACTOR_LOGIN_SUCCESSFUL": (N_("You are signed in."), "success"),
    "TWO_FACTOR_CHANGE_METHOD_SUCCESSFUL": (N_("From now on we ask for a code when you sign in."), "success"),
    "TWO_FACTOR_DISABLED": (N_("From now on your password alone is enough to sign in."), "success"),
    "TWO_FACTOR_PERMISSION_DENIED": (N_("Please sign in first."), "error"),
    "TWO_FACTOR_METHOD_NOT_AVAILABLE": (N_("Please choose one of these."), "error"),
    "TWO_FACTOR_SETUP_EXPIRED": (N_("This page was open for more than %(within)s. Please start again."), "error"),
    "INVALID_RECOVERY_CODE": (N_("This recovery code is not right, or was used already."), "error"),
    "NO_RECOVERY_CODES_SETUP": (N_("You have no recovery codes yet."), "info"),
    # Passkeys
    "WEBAUTHN_EXPIRED": (N_("This took longer than %(within)s. Please start again."), "error"),
    "WEBAUTHN_NAME_REQUIRED": (N_("Please give the passkey a name, for example the name of your device."), "error"),
    "WEBAUTHN_NAME_INUSE": (N_("You have a passkey called %(name)s already."), "error"),
    "WEBAUTHN_NAME_NOT_FOUND": (N_("You have no passkey called %(name)s."), "error"),
    "WEBAUTHN_NAME_DISALLOWED_CHARACTERS": (N_("Please use letters, figures and simple signs only."), "error"),
    "WEBAUTHN_CREDENTIAL_DELETED": (N_("The passkey %(name)s is removed."), "success"),
    "WEBAUTHN_REGISTER_SUCCESSFUL": (N_("The passkey %(name)s is ready. You can sign in with it."), "success"),
    "WEBAUTHN_CREDENTIAL_ID_INUSE": (N_("This passkey is in use already."), "error"),
    "WEBAUTHN_UNKNOWN_CREDENTIAL_ID": (N_("We do not know this passkey."), "error"),
    "WEBAUTHN_ORPHAN_CREDENTIAL_ID": (N_("We do not know this passkey."), "error"),
    "WEBAUTHN_NO_VERIFY": (N_("The passkey could not be checked. Please try again."), "error"),
    "WEBAUTHN_CREDENTIAL_WRONG_USAGE": (N_("This passkey is not meant for this."), "error"),
    "WEBAUTHN_MISMATCH_USER_HANDLE": (N_("This passkey belongs to another account."), "error"),
}


class Words:
    """Takes the place of Flask-Security's own domain of translations."""

    def gettext(self, message: str, **values: Any) -> Markup:
        """Our sentence for this message, else theirs."""
        text = gettext(message)
        if text == message:
            text = Markup(_theirs(get_locale().language).gettext(message))  # noqa: S704  (a shipped catalogue)
        return text % values if values else text

    def ngettext(self, one: str, many: str, num: int, **values: Any) -> Markup:
        """Their sentence for one or many."""
        text = _theirs(get_locale().language).ngettext(one, many, num)
        return Markup(text) % {"num": num, **values}  # noqa: S704

    @staticmethod
    def format_list(items: list[str], **options: Any) -> str:
        """`a, b und c`."""
        return str(format_list(items, locale=get_locale(), **options))


@cache
def _theirs(code: str) -> NullTranslations:
    """Flask-Security's own catalogue of a language, read once per process."""
    if code not in THEIRS:
        return NullTranslations()
    folder = Path(flask_security.__file__).parent / "translations"
    return Translations.load(folder, [THEIRS[code]], "flask_security")
