"""The words that lie in files (skills, sample data, operator pages) are complete, distinct, clean, and fit together."""

import json
import re
from collections import Counter
from collections.abc import Iterator
from copy import deepcopy
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest

from config import LANGUAGES
from marketplace.domain.policy import Policy

ROOT = Path(__file__).resolve().parents[2]
MARKETPLACE = ROOT / "marketplace"
SPRITE = (ROOT / "static" / "icons" / "sprite.svg").read_text(encoding="utf-8")
SAMPLE_LANGUAGES = ("de", "fr", "it")
PAGES = ("imprint", "terms", "privacy", "how_it_works")
PLACEHOLDERS = {"brand", "operator", "operator_address", "operator_mail", "badge", "friend_rating"} | {
    number.name for number in fields(Policy)
}

# Words that two languages share; anything else that reads alike in two languages was left untranslated.
SHARED_WORDS = {"Un iPhone", "Un iPad", "Un Mac"}

PHONE = re.compile(r"(?:\+|\b00?)\d[\d\s./-]{6,}\d|\d{3}[\s.]\d{2}[\s.]\d{2}")
MAIL = re.compile(r"\S+@\S+\.\w+")
LINK = re.compile(r"https?://|\bwww\.", re.IGNORECASE)
STREET = re.compile(
    r"\b\w+(?:strasse|gasse|weg|platz)\s+\d|\b(?:rue|chemin|avenue|route|via|piazza|vicolo)\s+(?:\w+\s+){1,4}\d",
    re.IGNORECASE,
)


def load(path: str) -> Any:
    """Read one of the files of words."""
    return json.loads((MARKETPLACE / path).read_text(encoding="utf-8"))


SKILLS = load("data/skills.json")
PEOPLE, HELPERS, TASKS, BIDS, REVIEWS, MESSAGES, CERTIFICATIONS, DECISIONS = (
    load(f"demo/texts/{name}.json")
    for name in ("people", "helpers", "tasks", "bids", "reviews", "messages", "certifications", "decisions")
)
SKILL_CODES = [skill["code"] for skill in SKILLS]


def strings(words: Any) -> Iterator[str]:
    """Every string in a file of words, however deep."""
    if isinstance(words, str):
        yield words
    elif isinstance(words, dict):
        for part in words.values():
            yield from strings(part)
    elif isinstance(words, list):
        for part in words:
            yield from strings(part)


def translations(skills: list[dict[str, Any]]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Every text of the skills that has to be there in each language, with where it stands."""
    for skill in skills:
        code = skill["code"]
        yield f"{code} name", skill["names"]
        yield f"{code} blurb", skill["blurbs"]
        for index in range(3):
            yield f"{code} example {index}", {language: lines[index] for language, lines in skill["examples"].items()}
        for question in skill["questions"]:
            yield f"{code}/{question['code']}", question["ask"]
            if "hint" in question:
                yield f"{code}/{question['code']} hint", question["hint"]
            for choice in question["choices"]:
                yield f"{code}/{question['code']}/{choice['code']}", choice["text"]


def skill_faults(skills: list[dict[str, Any]]) -> list[str]:
    """What is wrong with the skills and their questions."""
    faults = []
    for where, text in translations(skills):
        if set(text) != set(LANGUAGES) or not all(text.values()):
            faults.append(f"{where}: not there in every language")
        elif twice := [words for words, count in Counter(text.values()).items() if count > 1]:
            faults += [f"{where}: {words!r} in two languages" for words in twice if words not in SHARED_WORDS]
    for skill in skills:
        questions = skill["questions"]
        if not 2 <= len(questions) <= 4:
            faults.append(f"{skill['code']}: {len(questions)} questions")
        if len({question["code"] for question in questions}) < len(questions):
            faults.append(f"{skill['code']}: a question's code twice")
        for question in questions:
            codes = [choice["code"] for choice in question["choices"]]
            if codes[-1] != "unknown" or len(set(codes)) < len(codes):
                faults.append(f"{skill['code']}/{question['code']}: choices {codes}")
    return faults


def answer_faults(tasks: list[dict[str, Any]], skills: list[dict[str, Any]]) -> list[str]:
    """The sample tasks whose answers are not among the choices of their skill's questions, or leave one out."""
    choices = {
        skill["code"]: {
            question["code"]: {choice["code"] for choice in question["choices"]} for question in skill["questions"]
        }
        for skill in skills
    }
    return [
        task["title"]
        for task in tasks
        if set(task["answers"]) != set(choices[task["skill"]])
        or any(answer not in choices[task["skill"]][question] for question, answer in task["answers"].items())
    ]


def contact_faults(words: Any) -> list[str]:
    """The strings that hold a phone number, a mail address, a link or a street with its number."""
    return [text for text in strings(words) if any(kind.search(text) for kind in (PHONE, MAIL, LINK, STREET))]


def test_skills_are_complete_in_every_language():
    assert skill_faults(SKILLS) == []


def test_a_broken_skill_is_noticed():
    untranslated, without_unknown, missing = deepcopy(SKILLS), deepcopy(SKILLS), deepcopy(SKILLS)
    untranslated[0]["blurbs"]["fr"] = untranslated[0]["blurbs"]["de"]
    without_unknown[1]["questions"][0]["choices"].pop()
    del missing[2]["questions"][0]["ask"]["it"]
    assert all(len(skill_faults(broken)) == 1 for broken in (untranslated, without_unknown, missing))


def test_skills_fit_the_page_and_the_table():
    assert [skill["position"] for skill in SKILLS] == list(range(1, 10))
    assert len(set(SKILL_CODES)) == 9
    assert SKILL_CODES[-1] == "something_else"
    for skill in SKILLS:
        assert len(skill["code"]) <= 30
        assert max(map(len, skill["names"].values())) <= 30
        assert max(map(len, skill["blurbs"].values())) <= 90
        assert {len(lines) for lines in skill["examples"].values()} == {3}
        price = skill["usual_price_cents"]
        assert 3_000 <= price["low"] < price["high"] <= 10_000
        assert 30 <= skill["usual_minutes"] <= 120


@pytest.mark.parametrize("icon", [skill["icon"] for skill in SKILLS])
def test_every_skill_has_its_icon_in_the_sprite(icon):
    assert f'id="{icon}"' in SPRITE


def test_people_have_names_enough_in_every_region():
    for region, last_names in {"de-CH": 70, "fr-CH": 70, "it-CH": 40}.items():
        first = PEOPLE[region]["first_names"]
        pools = [first["female"], first["male"], PEOPLE[region]["last_names"]]
        assert all(len(set(pool)) == len(pool) for pool in pools), region
        assert not set(first["female"]) & set(first["male"]), region
        assert len(first["female"]) + len(first["male"]) >= 60
        assert len(pools[2]) >= last_names


@pytest.mark.parametrize(
    ("rows", "least"),
    [
        (HELPERS, (30, 18, 12)),
        (TASKS, (65, 40, 25)),
        (BIDS["bids"], (20, 12, 8)),
        (BIDS["counter_notes"], (10, 10, 10)),
        (BIDS["revision_notes"], (4, 4, 4)),
        (BIDS["declines"], (5, 5, 5)),
        (REVIEWS["by_customers"], (30, 18, 12)),
        (REVIEWS["by_helpers"], (15, 9, 6)),
        (MESSAGES, (10, 6, 5)),
        *((CERTIFICATIONS[kind], (4, 4, 4)) for kind in ("applications", "granted", "declined")),
        (DECISIONS["unsolved"], (3, 2, 2)),
        (DECISIONS["settlements"], (4, 2, 2)),
    ],
)
def test_sample_data_is_plenty_and_never_twice(rows, least):
    counts = Counter(row["language"] for row in rows)
    assert set(counts) == set(SAMPLE_LANGUAGES)
    assert all(counts[language] >= number for language, number in zip(SAMPLE_LANGUAGES, least, strict=True))
    assert len({json.dumps(row, sort_keys=True) for row in rows}) == len(rows)
    for words in ("text", "about", "headline", "title", "description", "message"):
        told = [row[words] for row in rows if words in row]
        assert len(set(told)) == len(told), words


def test_sample_tasks_answer_the_questions_of_their_skill():
    assert answer_faults([*TASKS, DECISIONS["advertisement"]], SKILLS) == []
    assert answer_faults([TASKS[0] | {"answers": {"lights": "purple"}}], SKILLS) == [TASKS[0]["title"]]


def test_sample_tasks_cover_every_skill_in_every_language_and_have_their_sizes():
    covered = {(task["language"], task["skill"]) for task in TASKS}
    assert covered == {(language, code) for language in SAMPLE_LANGUAGES for code in SKILL_CODES}
    for task in TASKS:
        assert len(task["title"]) <= 70, task["title"]
        assert 80 <= len(task["description"]) <= 600, task["title"]
        assert 1 <= len(task["device"]) <= 60, task["title"]
        assert task["gender"] in ("any", "female", "male")
        assert isinstance(task["remote_ok"], bool)
        assert task["budget_chf"] is None or 30 <= task["budget_chf"] <= 100
        assert 30 <= task["minutes"] <= 120


def test_sample_helpers_and_bids_know_their_skills():
    for language in SAMPLE_LANGUAGES:
        helped = {code for helper in HELPERS if helper["language"] == language for code in helper["skills"]}
        assert helped == set(SKILL_CODES), language
        assert any(not bid["skills"] for bid in BIDS["bids"] if bid["language"] == language), language
    for row in [*HELPERS, *BIDS["bids"], *MESSAGES]:
        assert set(row["skills"]) <= set(SKILL_CODES)
    for helper in HELPERS:
        assert len(helper["headline"]) <= 60, helper["headline"]
        assert 2 <= len(re.findall(r"[.!?](?:\s|$)", helper["about"])) <= 4, helper["about"]
        assert helper["gender"] in ("any", "female", "male")


def test_sample_reviews_and_messages_are_from_both_sides():
    for reviews in REVIEWS.values():
        stars = [review["stars"] for review in reviews]
        assert set(stars) <= {2, 3, 4, 5}
        assert sum(given >= 4 for given in stars) > len(stars) * 3 / 4
    for exchange in MESSAGES:
        assert exchange["moment"] in ("before", "after")
        assert {line["by"] for line in exchange["lines"]} == {"customer", "helper"}


def test_a_sample_visit_is_settled_for_either_side_in_every_language():
    settled = {(one["language"], one["in_favour_of"]) for one in DECISIONS["settlements"]}
    assert settled == {(language, side) for language in SAMPLE_LANGUAGES for side in ("customer", "helper")}


@pytest.mark.parametrize("path", sorted((MARKETPLACE / "demo" / "texts").glob("*.json")), ids=lambda path: path.stem)
def test_sample_data_holds_no_way_to_reach_anybody(path):
    assert contact_faults(json.loads(path.read_text(encoding="utf-8"))) == []


def test_a_way_to_reach_somebody_is_noticed():
    ways = [
        "+41 79 123 45 67",
        "079 123 45 67",
        "anna@example.org",
        "www.example.org",
        "Bahnhofstrasse 3",
        "rue du Lac 12",
    ]
    assert contact_faults(ways) == ways


@pytest.mark.parametrize(
    "path",
    [
        *sorted(MARKETPLACE.glob("data/*.json")),
        *sorted(MARKETPLACE.glob("demo/texts/*.json")),
        *sorted(MARKETPLACE.glob("content/*.md")),
    ],
    ids=lambda path: path.name,
)
def test_words_are_written_the_swiss_way(path):
    words = path.read_text(encoding="utf-8")
    assert "ß" not in words
    assert "\u00a0 " not in words
    assert "  " not in re.sub(r"^ +", "", words, flags=re.MULTILINE)


def test_every_page_of_the_operator_is_there_in_every_language():
    found = {path.name for path in (MARKETPLACE / "content").iterdir()}
    assert found == {f"{page}.{language}.md" for page in PAGES for language in LANGUAGES}


@pytest.mark.parametrize("page", PAGES)
def test_pages_of_the_operator_say_the_same_in_every_language(page):
    texts = {
        language: (MARKETPLACE / "content" / f"{page}.{language}.md").read_text(encoding="utf-8")
        for language in LANGUAGES
    }
    for text in texts.values():
        assert set(re.findall(r"\{(.*?)\}", text)) <= PLACEHOLDERS
        assert text.startswith("# ")
        assert len(re.findall(r"^# ", text, re.MULTILINE)) == 1
        assert contact_faults(text) == []
    shapes = {
        (
            tuple(re.findall(r"^(#+|\d+\.|-|>) ", text, re.MULTILINE)),
            frozenset(Counter(re.findall(r"\{(.*?)\}", text))),
        )
        for text in texts.values()
    }
    assert len(shapes) == 1
    lines = [
        line for text in texts.values() for line in set(text.splitlines()) if line and not line.startswith(("#", "{"))
    ]
    assert len(set(lines)) == len(lines), "a line reads alike in two languages"


@pytest.mark.parametrize("page", ["imprint", "terms", "privacy"])
@pytest.mark.parametrize("language", LANGUAGES)
def test_legal_pages_begin_by_saying_that_they_must_be_checked(page, language):
    lines = (MARKETPLACE / "content" / f"{page}.{language}.md").read_text(encoding="utf-8").splitlines()
    assert lines[2].startswith("> **")
    assert "{operator}" in lines[2]
