"""The forms of signing in and of an account's security: Flask-Security's, with our labels, limits and transaction."""

from typing import Any, NoReturn, cast

from flask import abort, make_response, render_template
from flask_login import current_user
from flask_security import forms as theirs
from flask_security.change_email import ChangeEmailForm
from flask_security.confirmable import send_confirmation_instructions
from flask_security.forms import EmailValidation, IsString, RequiredLocalize, email_required, password_required
from flask_security.recovery_codes import MfRecoveryForm
from flask_security.utils import get_message, hash_password
from flask_security.webauthn import WebAuthnRegisterForm, WebAuthnSigninResponseForm
from wtforms import EmailField, HiddenField, PasswordField, RadioField, StringField
from wtforms.fields.choices import SelectChoice
from wtforms.validators import DataRequired, Length

from marketplace.actions import accounts
from marketplace.db import db, transaction
from marketplace.domain.errors import WrongState
from marketplace.models import User
from marketplace.web.fields import without_contacts
from marketplace.web.languages import lazy_gettext as _l
from marketplace.web.limits import count_guess, count_mail
from marketplace.web.security.edge import begin

ADDRESS = _l("Mail address")
PASSWORD = _l("Password")
NEW_PASSWORD = _l("New password")
OLD = {"autocomplete": "current-password"}
NEW = {"autocomplete": "new-password"}


def address(check: Any, autocomplete: str = "email") -> EmailField:
    """A field for a mail address; `check` looks it up."""
    validators = [IsString(), email_required, EmailValidation(verify=check is not None), *([check] if check else [])]
    return EmailField(ADDRESS, validators, render_kw={"autocomplete": autocomplete})


def known_address(form: Any, field: EmailField) -> None:
    """Look an address up; what has come as far as here is one, whoever's it is."""
    form.is_address = True
    theirs.valid_user_email(form, field)


class SignInForm(theirs.LoginForm):
    """Mail address and password. Only so many passwords are checked per account, whether there is such one or not."""

    email = address(None, "username")
    password = PasswordField(PASSWORD, [IsString(), password_required], render_kw=OLD)
    remember = None

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.password.description = ""  # the page has its own link to recovering

    def validate(self, **kwargs: Any) -> bool:
        """Count, check, and begin writing when the person may come in."""
        is_guess = self.email.data and self.password.data
        guess = _guess("password", self.email.data) if is_guess else ""
        right = super().validate(**kwargs)
        if not self.user_authenticated or self.user is None:
            return False
        if not self.user.is_active:
            page = render_template("accounts/suspended.html", reason=cast(User, self.user).suspended_reason)
            abort(make_response(page, 403))
        if self.requires_confirmation:
            self.email.errors = []
            self.form_errors.append(get_message("CONFIRMATION_REQUIRED")[0])
        if right:
            accounts.give_guess_back(begin(), guess)
        return right


class AgainForm(theirs.VerifyForm):
    """The password again, before something specially protected."""

    password = PasswordField(PASSWORD, [IsString(), password_required], render_kw=OLD)

    def validate(self, **kwargs: Any) -> bool:
        """Count and check."""
        guess = _guess("password", current_user.email)
        right = super().validate(**kwargs)
        if right:
            accounts.give_guess_back(begin(), guess)
        return right


class RegisterForm(theirs.RegisterFormV2):
    """Name, mail address and password."""

    field_order = ("name", "email", "password")

    name = StringField(
        _l("First and last name"),
        [
            IsString(),
            DataRequired(_l("Please enter your name.")),
            Length(max=80, message=_l("Please use at most %(max)d characters.")),
            without_contacts,
        ],
        render_kw={"autocomplete": "name"},
    )
    email = address(theirs.unique_user_email)
    password = PasswordField(PASSWORD, [IsString(), password_required], render_kw=NEW)

    def validate(self, **kwargs: Any) -> bool:
        """Check everything; an address that is taken comes out exactly like a free one, but for the mail."""
        right = super().validate(**kwargs)
        taken = self.existing_email_user is not None and set(self.errors) == {"email"}
        if right or taken:
            with transaction() as session:
                count_mail(session, "register", self.email.data)
        if right:
            hash_password(self.password.data)
        if right or taken:
            begin()
        return right


class RecoverForm(theirs.ForgotPasswordForm):
    """Where to send the link for a new password."""

    email = address(known_address)
    is_address = False

    def validate(self, **kwargs: Any) -> bool:
        """A person who never confirmed the address gets that mail instead."""
        right = super().validate(**kwargs)
        if not self.is_address:
            _say_that_it_is_none("security/forgot_password.html", forgot_password_form=self)
        _asked_for_mail("recover", self.email.data)
        if self.user is None:
            return False
        hash_password("not-a-password")  # as the view does for an unknown address, so that both take as long
        begin()
        if self.requires_confirmation:
            send_confirmation_instructions(self.user)
        return right


class ConfirmAgainForm(theirs.SendConfirmationForm):
    """Where to send the link for confirming once more."""

    email = address(known_address)
    is_address = False

    def validate(self, **kwargs: Any) -> bool:
        """Check, and begin writing when there is something to confirm."""
        right = super().validate(**kwargs)
        if not self.is_address:
            _say_that_it_is_none("security/send_confirmation.html", send_confirmation_form=self)
        _asked_for_mail("confirm", self.email.data)
        if right:
            begin()
        return right


class NewPasswordForm(theirs.ResetPasswordForm):
    """A new password, by a link from a mail."""

    password = PasswordField(NEW_PASSWORD, [IsString(), password_required], render_kw=NEW)
    password_confirm = PasswordField(
        _l("New password once more"),
        [IsString(), theirs.EqualToLocalize("password", message="RETYPE_PASSWORD_MISMATCH"), password_required],
        render_kw=NEW,
    )

    def validate(self, **kwargs: Any) -> bool:
        """Hash first, then begin writing; of two who use one link at once, the second finds it used."""
        if not super().validate(**kwargs) or self.user is None:
            return False
        hash_password(self.password.data)
        token_was_for = self.user.fs_uniquifier
        begin()
        if self.user.fs_uniquifier != token_was_for:
            raise WrongState()
        return True


class ChangePasswordForm(theirs.ChangePasswordForm):
    """The old password and a new one."""

    password = PasswordField(_l("Present password"), render_kw=OLD)
    new_password = PasswordField(NEW_PASSWORD, [IsString(), password_required], render_kw=NEW)
    new_password_confirm = PasswordField(
        _l("New password once more"),
        [IsString(), theirs.EqualToLocalize("new_password", message="RETYPE_PASSWORD_MISMATCH"), password_required],
        render_kw=NEW,
    )

    def validate(self, **kwargs: Any) -> bool:
        """Count, check, hash, then begin writing."""
        guess = _guess("password", current_user.email)
        if not super().validate(**kwargs):
            return False
        hash_password(self.new_password.data)
        accounts.give_guess_back(begin(), guess)
        return True


class ChangeMailForm(ChangeEmailForm):
    """The new mail address."""

    email = address(theirs.unique_user_email)

    def validate(self, **kwargs: Any) -> bool:
        """Check, and begin writing; an address that is taken counts as a free one does."""
        right = bool(super().validate(**kwargs))
        if right or self.existing_email_user is not None:
            _asked_for_mail("change", self.email.data)
        if right:
            begin()
        return right


class TwoStepsForm(theirs.TwoFactorSetupForm):
    """Whether to sign in in two steps; the page has a button for each choice."""

    setup = RadioField(
        _l("Sign in in two steps"),
        choices=[SelectChoice("authenticator"), SelectChoice("disable")],
        validate_choice=False,
    )


class LostPhoneForm(theirs.TwoFactorRescueForm):
    """What somebody without the authenticator app can do; the page has a button for each choice."""

    help_setup = RadioField(_l("I do not have my phone with me"), choices=[SelectChoice("help")])


class CodeForm(theirs.TwoFactorVerifyCodeForm):
    """A code of the authenticator app."""

    code = StringField(
        _l("Code"),
        [theirs.IsStringOrInt(), DataRequired(_l("Please enter the code."))],
        render_kw={"autocomplete": "one-time-code", "inputmode": "numeric"},
    )

    def validate(self, **kwargs: Any) -> bool:
        """Count and check; spaces do not matter."""
        if isinstance(self.code.data, str):
            self.code.data = "".join(self.code.data.split())
        return _right_code(self, super().validate, **kwargs)


class RecoveryCodeForm(MfRecoveryForm):
    """One of the recovery codes."""

    code = StringField(
        _l("Recovery code"),
        [IsString(), DataRequired(_l("Please enter the code."))],
        render_kw={"autocomplete": "off"},
    )

    def validate(self, **kwargs: Any) -> bool:
        """Count and check."""
        return _right_code(self, super().validate, **kwargs)


class PasskeyForm(WebAuthnRegisterForm):
    """The name of a new passkey. Passkeys here always sign in by themselves."""

    name = StringField(
        _l("Name of the passkey"),
        [IsString(), RequiredLocalize(message="WEBAUTHN_NAME_REQUIRED")],
        render_kw={"autocomplete": "off"},
    )
    usage = HiddenField(default="first")

    def validate(self, **kwargs: Any) -> bool:
        """Whatever was sent, the passkey signs in by itself."""
        self.usage.data = "first"
        return bool(super().validate(**kwargs))


class PasskeyAnswerForm(WebAuthnSigninResponseForm):
    """What the passkey answered."""

    def validate(self, **kwargs: Any) -> bool:
        """A suspended person's passkey opens nothing."""
        return bool(super().validate(**kwargs)) and not self.credential.errors


FORMS: dict[str, Any] = {
    "login_form": SignInForm,
    "verify_form": AgainForm,
    "register_form": RegisterForm,
    "forgot_password_form": RecoverForm,
    "send_confirmation_form": ConfirmAgainForm,
    "reset_password_form": NewPasswordForm,
    "change_password_form": ChangePasswordForm,
    "change_email_form": ChangeMailForm,
    "two_factor_setup_form": TwoStepsForm,
    "two_factor_verify_code_form": CodeForm,
    "two_factor_rescue_form": LostPhoneForm,
    "mf_recovery_form": RecoveryCodeForm,
    "wan_register_form": PasskeyForm,
    "wan_signin_response_form": PasskeyAnswerForm,
}


def _guess(kind: str, account: str | None) -> str:
    """Count one attempt, in a transaction of its own, before anything is checked; gives the key to take it back."""
    with transaction() as session:
        return count_guess(session, kind, account or "")


def _asked_for_mail(kind: str, account: str | None) -> None:
    """Count one mail that somebody asks for, whether there is such an account or not."""
    with transaction() as session:
        count_mail(session, kind, account or "")


def _say_that_it_is_none(template: str, **form: Any) -> NoReturn:
    """Show the form with its error: Flask-Security answers as if a mail were sent, lest it tell who has an account."""
    abort(make_response(render_template(template, **form), 422))


def _right_code(form: Any, check: Any, **kwargs: Any) -> bool:
    """Count one code of this person and check it, in the transaction that the view began with."""
    guess = count_guess(db.session, "code", str(form.user.id))
    right = bool(check(**kwargs))
    if right:
        accounts.give_guess_back(db.session, guess)
    return right
