"""The nightly table: a command that fails, or that counts nothing, is a missed gate and stands in the table as one."""

from tools.nightly import BEGIN, END, FIGURES, RUNS, Outcome, run, table_rows, with_table


def row(of: str, count: int, date: str = "2026-11-22") -> str:
    [line] = table_rows(Outcome(f"python -m pytest -q {RUNS[of]}", True, {"things": count}, 60.0), date)
    return line


def test_the_table_stands_between_its_marks_however_often_it_is_written():
    text = f"Before\n{BEGIN}\nold\n{END}\nafter\n"
    once = with_table(text, [row("fuzz", 1)])
    assert with_table(once, [row("fuzz", 1)]) == once
    assert "old" not in once
    assert once.startswith("Before\n")
    assert once.endswith("after\n")
    assert row("fuzz", 1) in once
    assert BEGIN in FIGURES.read_text()
    assert END in FIGURES.read_text()


def test_a_count_replaces_the_one_before_and_leaves_those_of_other_commands():
    text = with_table(f"{BEGIN}\n{END}", [row("fuzz", 1), row("demo", 2)])
    again = with_table(text, [row("fuzz", 3, "2026-11-23")])
    assert row("fuzz", 1) not in again
    assert again.index(row("fuzz", 3, "2026-11-23")) < again.index(row("demo", 2))


def test_a_command_that_counts_nothing_is_missed():
    outcome = run("python -m pytest -q tests/domain/test_money.py -k nothing-is-called-so")
    assert not outcome.held
    assert "**missed**" in table_rows(outcome, "2026-11-22")[0]


def test_a_command_that_holds_says_what_it_counted():
    [line] = table_rows(Outcome("python -m pytest x", True, {"things": 1234}, 60.0), "2026-11-22")
    assert line == "| 2026-11-22 | 1,234 | things | held | `python -m pytest x` (1 min) |"
