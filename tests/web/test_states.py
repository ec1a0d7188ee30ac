"""Every state that the business knows has words, a tone and a sign."""

from pathlib import Path
from xml.etree import ElementTree

from marketplace.domain.lifecycles import LIFECYCLES
from marketplace.web.states import SHOWN

SPRITE = Path(__file__).resolve().parents[2] / "static" / "icons" / "sprite.svg"
TONES = {"quiet", "info", "good", "warn", "bad", "brand"}


def test_every_state_of_every_lifecycle_is_shown():
    for lifecycle in LIFECYCLES:
        assert set(lifecycle.states) <= set(SHOWN[lifecycle.noun]), lifecycle.noun


def test_every_sign_is_in_the_sprite_and_every_tone_is_known():
    drawn = {symbol.get("id") for symbol in ElementTree.parse(SPRITE).getroot()}
    for states in SHOWN.values():
        for shown in states.values():
            assert shown.icon in drawn
            assert shown.tone in TONES
