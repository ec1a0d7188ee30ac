"""What the sandbox's API answers when it refuses, in the shape that the official library reads."""

from typing import Any


class ApiError(Exception):
    """An answer other than 200.

    `keeps`: what was changed until then stays (a decline leaves its traces); `is_stored`: a key remembers it, because the call had
    begun.
    """

    def __init__(
        self, status: int, kind: str, message: str, *, keeps: bool = False, is_stored: bool = True, **more: Any
    ) -> None:
        super().__init__(message)
        self.status, self.keeps, self.is_stored = status, keeps, is_stored
        told = {name: value for name, value in more.items() if value is not None}
        self.body = {"error": {"message": message, "type": kind, **told}}


def unknown(param: str) -> ApiError:
    """A parameter that this call does not have."""
    return invalid(f"Received unknown parameter: {param}", "parameter_unknown", param)


def missing(param: str) -> ApiError:
    """A parameter that this call cannot do without."""
    return invalid(f"Missing required param: {param}.", "parameter_missing", param)


def invalid(message: str, code: str | None = None, param: str | None = None) -> ApiError:
    """A call that was refused while it was read: no key remembers it."""
    return ApiError(400, "invalid_request_error", message, code=code, param=param, is_stored=False)


def impossible(message: str, code: str | None = None, param: str | None = None) -> ApiError:
    """A call that was well spelled, but cannot be done."""
    return ApiError(400, "invalid_request_error", message, code=code, param=param)


def no_such(kind: str, reference: str, param: str = "id") -> ApiError:
    """A reference that leads nowhere."""
    words = kind.replace("_", " ").replace(".", " ")
    return ApiError(
        404, "invalid_request_error", f"No such {words}: '{reference}'", code="resource_missing", param=param
    )


def other_parameters(key: str) -> ApiError:
    """A key that was used for something else."""
    message = (
        "Keys for idempotent requests can only be used with the same parameters they were first used with. "
        f"Try using a key other than '{key}' if you meant to execute a different request."
    )
    return ApiError(400, "idempotency_error", message)


def failure() -> ApiError:
    """A failure of the gateway itself; Stripe remembers it under the key."""
    return ApiError(500, "api_error", "An unknown error occurred")


def too_many() -> ApiError:
    """More calls than are taken at once."""
    return ApiError(429, "invalid_request_error", "Too many requests hit the API too quickly.", code="rate_limit")
