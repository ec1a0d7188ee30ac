"""The gateway fails: each call of each story meets each fault, and the people and the worker ask again.

Stripe's calls are counted where they reach the sandbox, below the official library: one call of our door may be several.
"""

from dataclasses import replace

from flask import Flask

from marketplace.gateways import Gateways
from marketplace.gateways.payments.opening import open_payments
from marketplace.gateways.payments.sandbox import Sandbox
from marketplace.gateways.payments.sandbox.faults import Faults
from marketplace.gateways.payments.sandbox.switches import Fault, Switches
from tests.bench.money_stories import End, lived


class NumberedFaults(Faults):
    """Plans a fault for the call with one number, and writes down what was called."""

    def __init__(self, switches: Switches, number: int | None = None, fault: Fault = "reset") -> None:
        super().__init__(switches)
        self.number, self.fault, self.met = number, fault, list[str]()

    def next(self, name: str) -> Fault | None:
        """What this call meets."""
        self.met.append(name)
        if len(self.met) == self.number:
            self.plan(name, self.fault)
        return super().next(name)


def doors_with(app: Flask, switches: Switches, faults: Faults | None = None) -> Gateways:
    """The usual doors, with a sandbox of its own behind the one to the gateway."""
    usual: Gateways = app.extensions["gateways"]
    sandbox = Sandbox(app.config, switches)
    if faults is not None:
        sandbox.faults = sandbox.transport.faults = faults
    return replace(usual, sandbox=sandbox, payments=open_payments(app.config, sandbox))


def calls_of(app: Flask, story: str) -> tuple[End, list[str]]:
    """The story as it goes by itself, and every call that reaches the gateway."""
    faults = NumberedFaults(Switches())
    end = lived(app, story, doors=doors_with(app, faults.switches, faults))
    return end, faults.met


def failed(app: Flask, story: str, number: int, call: str, fault: Fault) -> End:
    """The story in which the call with this number, which must be the same call, meets a fault."""
    faults = NumberedFaults(Switches(), number, fault)
    end = lived(app, story, doors=doors_with(app, faults.switches, faults))
    if faults.met[number - 1] != call or faults.waiting:
        end.faults.append(f"it was {faults.met[number - 1]} that failed")
    return end
