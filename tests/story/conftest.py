"""A cast for each way of living through the story, in the town of the browser tests."""

from collections.abc import Callable

import pytest

from marketplace.db import db
from tests.browser.town import PASSWORD, Town
from tests.browser.world import nearly_friend, profile_id
from tests.factories import skill
from tests.story.journey import Cast


@pytest.fixture
def cast(town: Town) -> Callable[[str], Cast]:
    """Somebody who will register under this name, and a helper who is one visit away from the badge."""

    def cast(name: str) -> Cast:
        def prepare() -> Cast:
            helper = town.settle_in(f"{name}-helper", nearly_friend(db.session, f"Heidi {name.title()}"))
            wifi = skill(db.session)
            return Cast(
                customer=f"{name}@example.org",
                helper=helper.email,
                password=PASSWORD,
                skill=dict(wifi.names).__getitem__,
                work=town.work,
                profile=f"/helpers/{profile_id(db.session, helper.id)}",
            )

        return town.inside(prepare)

    return cast
