"""Draw every lifecycle as a diagram into docs/architecture.md, between the two marks; `--check` only compares."""

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from marketplace.domain.lifecycles import LIFECYCLES, Lifecycle  # noqa: E402

DOCUMENT = ROOT / "docs" / "architecture.md"
BEGIN = "<!-- lifecycles: drawn by `make docs`, do not edit -->"
END = "<!-- end of lifecycles -->"


def diagram(lifecycle: Lifecycle) -> str:
    """One lifecycle as a Mermaid state diagram: each arrow is named after the action."""
    arrows: dict[tuple[str, str], list[str]] = {}
    for action, moves in lifecycle.moves.items():
        for before, after in moves.items():
            arrows.setdefault((before, after), []).append(action)
    lines = ["stateDiagram-v2", f"    [*] --> {lifecycle.begins}"]
    lines += [f"    {before} --> {after}: {', '.join(actions)}" for (before, after), actions in arrows.items()]
    lines += [f"    {state} --> [*]" for state in lifecycle.states if state in lifecycle.ends]
    return "\n".join(["```mermaid", *lines, "```"])


def drawn() -> str:
    """All lifecycles, each under the name of its noun."""
    return "\n\n".join(f"### {lifecycle.noun.capitalize()}\n\n{diagram(lifecycle)}" for lifecycle in LIFECYCLES)


def put_into(text: str) -> str:
    """The document with the drawings of now between the marks; raises ValueError when a mark is missing."""
    before, begin, rest = text.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not (begin and end):
        raise ValueError(f"{DOCUMENT} needs the lines {BEGIN} and {END}")
    return f"{before}{BEGIN}\n\n{drawn()}\n\n{END}{after}"


def main(check: bool) -> int:
    """Write the drawings, or say whether they are those of now."""
    text = DOCUMENT.read_text(encoding="utf-8")
    wanted = put_into(text)
    if check:
        if text != wanted:
            print("docs/architecture.md shows old lifecycles: make docs", file=sys.stderr)
        return int(text != wanted)
    DOCUMENT.write_text(wanted, encoding="utf-8")
    print(f"{len(LIFECYCLES)} lifecycles drawn into {DOCUMENT.relative_to(ROOT)}")
    return 0


if __name__ == "__main__":
    sys.exit(main("--check" in sys.argv))
