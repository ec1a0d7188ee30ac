"""The guard of each route: who may come in at all. What they may do to a thing is asked in `permissions`."""

from collections.abc import Callable
from functools import wraps
from typing import Any, TypeVar

from flask_security import current_user
from flask_security.decorators import default_unauthn_handler
from werkzeug.wrappers import Response

from marketplace.domain.errors import N_, NotAllowed
from marketplace.permissions import has_role

View = TypeVar("View", bound=Callable[..., Any])


def public(view: View) -> View:
    """Anybody may come in."""
    return _guarded(view, "public")


def signed_in(view: View) -> View:
    """Whoever is signed in may come in; others are asked to sign in first."""
    return _guarded(view, "signed_in")


def helper_only(view: View) -> View:
    """Helpers may come in."""
    return _guarded(view, "helper_only", _demand_helper)


def operator_only(role: str) -> Callable[[View], View]:
    """The operator's people with this role or a higher one may come in."""

    def demand_role() -> None:
        if not has_role(current_user, role):
            raise NotAllowed(N_("This room is for the operator's people."))

    return lambda view: _guarded(view, f"operator_only:{role}", demand_role)


def _guarded(view: View, name: str, demand: Callable[[], None] | None = None) -> View:
    """`view` behind the guard `name`; the house rules read the name from the function."""

    @wraps(view)
    def guarded(*args: Any, **kwargs: Any) -> Any:
        if name != "public" and not current_user.is_authenticated:
            return _ask_to_sign_in()
        if demand is not None:
            demand()
        return view(*args, **kwargs)

    guarded.guard = name  # type: ignore[attr-defined]
    return guarded  # type: ignore[return-value]


def _ask_to_sign_in() -> Response:
    """Lead to the sign-in page and back here; a form that was sent is not sent again."""
    return default_unauthn_handler(["session"], {})


def _demand_helper() -> None:
    """Refuse whoever has no helper's profile."""
    if not current_user.is_helper:
        raise NotAllowed(N_("This is for helpers. You can become one: tell us what you are good at."))
