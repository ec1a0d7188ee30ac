"""Sessions are kept by us: the cookie holds a secret, the table its hash; a copied cookie dies when the session does.

Who has nothing to keep gets no row and no cookie. A session gets a new secret whenever somebody signs in or out.
"""

import hashlib
import re
from datetime import timedelta
from typing import Any

from flask import Flask, Request, Response, request
from flask.json.tag import TaggedJSONSerializer
from flask.sessions import SessionInterface, SessionMixin
from sqlalchemy import delete, select, update
from werkzeug.datastructures import CallbackDict

from marketplace import clock
from marketplace.db import db, transaction
from marketplace.domain.policy import Policy
from marketplace.ids import secret
from marketplace.models import User, UserSession
from marketplace.queries import accounts as queries

SEEN_EVERY = timedelta(minutes=5)
PERSON = "_user_id"  # where Flask-Login keeps who signed in
LITTER = ("fs_cc", "_id", "_permanent")  # what libraries leave behind and nobody reads
KEPT_AFTER_SIGN_OUT = ("_flashes",)

_serializer = TaggedJSONSerializer()


class ServerSession(CallbackDict[str, Any], SessionMixin):
    """The values of one browser's session, and what is known of the row they came from."""

    accessed = False

    def __init__(self, row: UserSession | None = None) -> None:
        super().__init__(_serializer.loads(row.values) if row else None, ServerSession._change)
        self.modified = False
        self.new = row is None
        self.row_id = row.id if row else None
        self.seen_at = row.seen_at if row else clock.now()
        self.user: User | None = row.user if row else None
        self.began_as = self.get(PERSON)

    @property
    def in_force(self) -> bool:
        """A session of somebody who has since changed the password or been suspended is worth nothing."""
        if self.user is None:
            return self.began_as is None
        return self.user.active and self.user.fs_uniquifier == self.began_as

    @property
    def somebody_came_or_went(self) -> bool:
        """Whether it belongs to another person now than when the request began."""
        return bool(self.get(PERSON) != self.began_as)

    def _change(self) -> None:
        self.modified = True


class ServerSessions(SessionInterface):
    """Opens and saves the sessions of all browsers."""

    def __init__(self, policy: Policy) -> None:
        self.policy = policy

    def open_session(self, app: Flask, request: Request) -> ServerSession | None:
        """The session that the cookie opens, else a fresh one; pictures and style sheets need none."""
        if request.path.startswith(f"{app.static_url_path}/"):
            return None
        cookie = request.cookies.get(self.get_cookie_name(app))
        row = queries.visitor(db.session, hashed(cookie), clock.now()) if cookie else None
        session = ServerSession(row)
        return session if session.in_force else ServerSession()

    def save_session(self, app: Flask, session: ServerSession, response: Response) -> None:  # type: ignore[override]
        """Write what changed; under a new secret when somebody signed in or out."""
        if session.accessed:
            response.vary.add("Cookie")
        for name in LITTER:
            session.pop(name, None)
        if session.somebody_came_or_went:
            self._renew(app, session, response)
        elif session.row_id is None:
            self._begin(app, session, response)
        elif session.modified or clock.now() - session.seen_at > SEEN_EVERY:
            self._keep(app, session, response)

    def _keep(self, app: Flask, session: ServerSession, response: Response) -> None:
        """Write the values back; who is not signed in keeps the session as long again, since a draft is prolonged too."""
        if PERSON in session:
            _write_back(session)
            return
        name = self.get_cookie_name(app)
        _write_back(session, timedelta(days=self.policy.visitor_days))
        self._hand_out(app, response, request.cookies[name], self.policy.visitor_days)

    def _hand_out(self, app: Flask, response: Response, token: str, days: int) -> None:
        """Have the browser keep this secret."""
        how: dict[str, Any] = {"secure": self.get_cookie_secure(app), "samesite": self.get_cookie_samesite(app)}
        response.set_cookie(self.get_cookie_name(app), token, max_age=days * 86_400, httponly=True, **how)
        response.vary.add("Cookie")

    def _renew(self, app: Flask, session: ServerSession, response: Response) -> None:
        """The old secret dies; who signs out leaves nothing behind for the next person at this browser."""
        if PERSON not in session:
            for name in set(session) - set(KEPT_AFTER_SIGN_OUT):
                del session[name]
        with transaction() as rows:
            rows.execute(delete(UserSession).where(UserSession.id == session.row_id))
        self._begin(app, session, response)

    def _begin(self, app: Flask, session: ServerSession, response: Response) -> None:
        """A row and a cookie for whoever has something to keep; a cookie that opens nothing is taken away."""
        if session:
            days = self.policy.session_days if PERSON in session else self.policy.visitor_days
            self._hand_out(app, response, _insert(session, timedelta(days=days)), days)
        elif (name := self.get_cookie_name(app)) in request.cookies:
            how: dict[str, Any] = {"secure": self.get_cookie_secure(app), "samesite": self.get_cookie_samesite(app)}
            response.delete_cookie(name, httponly=True, **how)


def hashed(token: str) -> str:
    """What the table knows of a secret."""
    return hashlib.sha256(token.encode()).hexdigest()


def device_name(agent: str) -> str:
    """What the person calls the device, from what its browser says: `Firefox – Windows`; empty when it says nothing."""
    browser = next((name for name, sign in BROWSERS.items() if re.search(sign, agent)), "")
    system = next((name for name, sign in SYSTEMS.items() if re.search(sign, agent)), "")
    return " – ".join(word for word in (browser, system) if word)


# The order matters: each browser also claims to be those below it.
BROWSERS = {
    "Edge": r"\bEdg(e|A|iOS)?/",
    "Samsung Internet": r"\bSamsungBrowser/",
    "Opera": r"\bOPR/",
    "Firefox": r"\b(Firefox|FxiOS)/",
    "Chrome": r"\b(HeadlessChrome|Chrome|CriOS|Chromium)/",
    "Safari": r"\bSafari/",
}
SYSTEMS = {
    "iPhone": r"\biPhone\b",
    "iPad": r"\biPad\b",
    "Android": r"\bAndroid\b",
    "Windows": r"\bWindows\b",
    "Mac": r"\bMac OS X\b|\bMacintosh\b",
    "Chromebook": r"\bCrOS\b",
    "Linux": r"\bLinux\b",
}


def _insert(session: ServerSession, lifetime: timedelta) -> str:
    """A new row; gives its secret."""
    token, now, person = secret(), clock.now(), session.get(PERSON)
    with transaction() as rows:
        row = UserSession(
            token_hash=hashed(token),
            user_id=rows.scalar(select(User.id).where(User.fs_uniquifier == person)) if person else None,
            device=device_name(request.user_agent.string),
            values=_serializer.dumps(dict(session)),
            created_at=now,
            seen_at=now,
            expires_at=now + lifetime,
        )
        rows.add(row)
        rows.flush()
        session.row_id = row.id
    return token


def _write_back(session: ServerSession, prolonged: timedelta | None = None) -> None:
    """Write the values back. A row that somebody ended in the meantime stays ended."""
    now = clock.now()
    later = {"expires_at": now + prolonged} if prolonged else {}
    with transaction() as rows:
        rows.execute(
            update(UserSession)
            .where(UserSession.id == session.row_id)
            .values(values=_serializer.dumps(dict(session)), seen_at=now, **later)
            .execution_options(synchronize_session=False)
        )
