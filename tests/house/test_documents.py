"""What the documents draw is what the code says."""

import runpy
from dataclasses import replace

import pytest

from config import ROOT
from marketplace.domain.lifecycles import BID, LIFECYCLES

tool = runpy.run_path(str(ROOT / "tools" / "draw_lifecycles.py"))


def test_the_drawn_lifecycles_are_those_of_the_table():
    text = tool["DOCUMENT"].read_text(encoding="utf-8")
    assert tool["put_into"](text) == text, "run: make docs"


def test_every_move_is_an_arrow():
    drawn = tool["drawn"]()
    arrows = {line.strip() for line in drawn.splitlines() if "-->" in line}
    named = [arrow for arrow in arrows if "[*]" not in arrow]
    moves = {(before, after) for noun in LIFECYCLES for move in noun.moves.values() for before, after in move.items()}
    assert {tuple(arrow.split(":")[0].split(" --> ")) for arrow in named} == moves


def test_an_old_drawing_is_noticed():
    text = tool["DOCUMENT"].read_text(encoding="utf-8")
    old = text.replace(tool["diagram"](BID), tool["diagram"](replace(BID, moves={"accept": {"placed": "accepted"}})))
    assert tool["put_into"](old) == text != old


def test_a_lost_mark_is_noticed():
    with pytest.raises(ValueError):
        tool["put_into"]("# Architecture\n")
