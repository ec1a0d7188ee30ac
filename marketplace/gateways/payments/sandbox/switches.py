"""What can be made to go wrong in the sandbox, for tests and for whoever wants to see it."""

from dataclasses import dataclass, fields
from typing import Literal

# reset: not done, and nobody answered; timeout_after: done, and nobody answered; rate_limited: not done, 429;
# server_error: not done, 500, kept under the key; server_error_after: done, 500, kept under the key.
Fault = Literal["reset", "timeout_after", "rate_limited", "server_error", "server_error_after"]
FAULTS: tuple[Fault, ...] = ("reset", "timeout_after", "rate_limited", "server_error", "server_error_after")


@dataclass
class Switches:
    """How the sandbox behaves; shares are percents, times are seconds."""

    duplicates: int = 0  # so many of a hundred events are delivered twice
    loss: int = 0  # so many of a hundred events are never delivered
    delay: int = 0  # each event waits for so long
    reorder: int = 0  # each event waits for up to so long besides, so that they overtake each other
    faults: int = 0  # so many of a hundred calls meet a fault
    pending_days: int = 0  # a charge can be used only after so many days


def read_switches(line: str) -> Switches:
    """`duplicates=50,delay=3` as switches; raises ValueError."""
    known = {field.name for field in fields(Switches)}
    given: dict[str, int] = {}
    for part in filter(None, (part.strip() for part in line.split(","))):
        name, _, number = part.partition("=")
        if name not in known:
            raise ValueError(f"the sandbox has no switch {name!r}, only {', '.join(sorted(known))}")
        given[name] = int(number)
    return Switches(**given)
