"""Calls that go wrong: the next ones of a name, or any at random."""

from collections import deque
from random import Random

from marketplace.gateways.payments.sandbox.switches import FAULTS, Fault, Switches


class Faults:
    """What is to go wrong next."""

    def __init__(self, switches: Switches) -> None:
        self.switches, self.chance = switches, Random()
        self.waiting: deque[tuple[str, Fault]] = deque()

    def plan(self, name: str, fault: Fault, times: int = 1) -> None:
        """Let the next calls of this name (`refunds.create`, or `*` for any) meet a fault."""
        self.waiting.extend([(name, fault)] * times)

    def next(self, name: str) -> Fault | None:
        """What this call meets."""
        for number, (wanted, fault) in enumerate(self.waiting):
            if wanted in (name, "*"):
                del self.waiting[number]
                return fault
        if self.chance.uniform(0, 100) < self.switches.faults:
            return self.chance.choice(FAULTS)
        return None
