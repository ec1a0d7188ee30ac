"""Each story of money comes to the end that is written in `money_ends.txt`, to the rappen."""

import pytest
from flask import Flask

from tests.bench.money_ends import FILE, lines_of
from tests.bench.money_stories import STORIES, lived


@pytest.mark.parametrize("story", STORIES)
def test_a_story_ends_as_it_is_written(app: Flask, story: str) -> None:
    end = lived(app, story)
    assert end.faults == []
    [written] = [part for part in FILE.read_text().split("\n\n") if part.startswith(f"== {story}\n")]
    assert "\n".join(lines_of(story, end)).strip() == written.strip()
