"""The worlds of the gateways under test; whatever passed in one of Stripe's is held against Stripe's own description."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from flask import Flask

from marketplace.gateways.payments.sandbox.switches import Switches
from tests.gateways.stripe_schema import faults_of_call, faults_of_object, nested
from tests.gateways.stripe_world import World


@pytest.fixture
def new_world(app: Flask) -> Iterator[Callable[..., World]]:
    """Makes a gateway on the sandbox, with these switches; at the end nothing that passed may be unknown to Stripe."""
    worlds: list[World] = []

    def made(**switches: Any) -> World:
        worlds.append(World(app, Switches(**switches)))
        return worlds[-1]

    yield made
    for world in worlds:
        good = [one for one in world.recorder.exchanges if one.status in (200, 402)]
        assert [fault for one in good for fault in faults_of_call(one.method, one.path, nested(one.form))] == []
        assert [fault for one in world.shown() for fault in faults_of_object(one)] == []


@pytest.fixture
def world(new_world: Callable[..., World]) -> World:
    """A gateway on the sandbox."""
    return new_world()
