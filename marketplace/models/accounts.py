"""Accounts: people, their roles in the operator's room, their passkeys and the devices they are signed in on."""

import datetime as dt
from datetime import datetime

from flask_security import AsaList, RoleMixin, UserMixin, WebAuthnMixin, naive_utcnow
from flask_security.utils import _config_value as setting
from sqlalchemy import JSON, Column, DateTime, ForeignKey, Index, LargeBinary, String, Table, Text, func
from sqlalchemy.ext.mutable import MutableList
from sqlalchemy.orm import Mapped, mapped_column, relationship

from marketplace.db import Base, Public, one_of

ROLES = ("agent", "moderator", "admin")  # of the operator; each may do what the ones before it may

roles_users = Table(
    "roles_users",
    Base.metadata,
    Column("user_id", ForeignKey("users.id", ondelete="CASCADE"), primary_key=True),
    Column("role_id", ForeignKey("roles.id", ondelete="CASCADE"), primary_key=True),
)


class Role(Base, RoleMixin):
    """A role of the operator's people."""

    __tablename__ = "roles"
    __table_args__ = (one_of("name", ROLES),)

    name: Mapped[str] = mapped_column(String(20), unique=True)
    description: Mapped[str | None] = mapped_column(String(255))


class User(Base, Public, UserMixin):
    """A person with an account: a customer, perhaps also a helper, perhaps one of the operator's people."""

    __tablename__ = "users"
    # Nobody can take a second account by writing the same address differently.
    __table_args__ = (Index("uq_users_email_folded", func.lower(Column("email")), unique=True),)

    email: Mapped[str] = mapped_column(String(255))
    name: Mapped[str] = mapped_column(String(80))
    language: Mapped[str] = mapped_column(String(2), default="de")
    phone: Mapped[str | None] = mapped_column(String(20))
    is_helper: Mapped[bool] = mapped_column(default=False)
    created_at: Mapped[datetime]
    suspended_at: Mapped[datetime | None]
    suspended_reason: Mapped[str | None] = mapped_column(Text)  # while they are suspended
    restored_reason: Mapped[str | None] = mapped_column(Text)  # since they were let in again

    # What Flask-Security keeps (its moments are naive UTC)
    password: Mapped[str | None] = mapped_column(String(255))
    active: Mapped[bool] = mapped_column(default=True)
    fs_uniquifier: Mapped[str] = mapped_column(String(64), unique=True)
    confirmed_at: Mapped[dt.datetime | None] = mapped_column(DateTime())
    tf_primary_method: Mapped[str | None] = mapped_column(String(64))
    tf_totp_secret: Mapped[str | None] = mapped_column(String(255))
    tf_phone_number: Mapped[str | None] = mapped_column(String(128))
    totp_counter: Mapped[int | None]  # of the code used last: no code opens the door twice
    fs_webauthn_user_handle: Mapped[str | None] = mapped_column(String(64), unique=True)  # type: ignore[assignment]
    mf_recovery_codes: Mapped[list[str] | None] = mapped_column(MutableList.as_mutable(AsaList()))

    # Most people have none, so nobody's are read before somebody asks; a list that shows them reads them all at once.
    roles: Mapped[list[Role]] = relationship(secondary=roles_users, lazy="select")  # type: ignore[assignment]
    webauthn: Mapped[list["WebAuthn"]] = relationship(  # type: ignore[assignment]
        back_populates="user", cascade="all, delete-orphan", lazy="select"
    )

    @property
    def short_name(self) -> str:
        """How other people read the name: `Hans M.`."""
        first, *others = self.name.split() or [""]
        return f"{first} {others[-1][0]}." if others else first

    @property
    def role_names(self) -> set[str]:
        """The operator's roles that this person holds."""
        return {role.name for role in self.roles}

    def check_tf_required(self, methods: list[tuple[str, str]], fresh: bool) -> tuple[bool, list[tuple[str, str]]]:
        """Whether signing in takes a second step: for who has set one up, and for the operator's people."""
        required, allowed = super().check_tf_required(methods, fresh)
        return required or self.check_tf_required_setup(), allowed

    def check_tf_required_setup(self) -> bool:
        """Whether this person may not do without a second step: the operator's people, where the settings say so."""
        return bool(self.roles) and bool(setting("OPERATORS_NEED_TWO_FACTOR"))


class WebAuthn(Base, WebAuthnMixin):
    """A passkey."""

    __tablename__ = "passkeys"

    user_id: Mapped[int] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), index=True)
    credential_id: Mapped[bytes] = mapped_column(LargeBinary(1024), unique=True)
    public_key: Mapped[bytes] = mapped_column(LargeBinary)
    sign_count: Mapped[int | None] = mapped_column(default=0)  # type: ignore[assignment]
    transports: Mapped[list[str] | None] = mapped_column(MutableList.as_mutable(AsaList()))
    backup_state: Mapped[bool]
    device_type: Mapped[str] = mapped_column(String(64))
    extensions: Mapped[str | None] = mapped_column(String(255))
    create_datetime: Mapped[dt.datetime] = mapped_column(DateTime(), default=naive_utcnow)
    lastuse_datetime: Mapped[dt.datetime] = mapped_column(DateTime())
    name: Mapped[str] = mapped_column(String(64))
    usage: Mapped[str] = mapped_column(String(64))

    user: Mapped[User] = relationship(back_populates="webauthn", lazy="select")


class UserSession(Base, Public):
    """One browser's session, signed in or not; the cookie holds a secret of which only the hash is kept here."""

    __tablename__ = "sessions"

    token_hash: Mapped[str] = mapped_column(String(64), unique=True)
    user_id: Mapped[int | None] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), index=True)
    device: Mapped[str] = mapped_column(String(120), default="")
    values: Mapped[str] = mapped_column(Text, default="{}")  # as the web floor writes them
    created_at: Mapped[datetime]
    seen_at: Mapped[datetime]
    expires_at: Mapped[datetime] = mapped_column(index=True)

    user: Mapped[User | None] = relationship(lazy="raise")


class Guesses(Base):
    """When passwords were lately tried for one account; the key hashes what was typed, so unknown ones count alike."""

    __tablename__ = "guesses"

    key: Mapped[str] = mapped_column(String(64), unique=True)
    times: Mapped[list[float]] = mapped_column(JSON, default=list)  # seconds since 1970
    last_at: Mapped[datetime] = mapped_column(index=True)
