"""How many small changes of the code of money its tests notice: the mutation score.

    python -m tests.bench.mutants                          # every file below
    python -m tests.bench.mutants marketplace/domain/fees.py

One change at a time is made in one function, and the tests that call this function are run until one fails. The tests are gathered
once; each change lives in a forked process, where the function gets its changed code: so a change costs what its tests cost. Tables
and defaults outside of functions are not changed, nor are sentences for people. Changes that make no difference to anybody are not
sorted out: they count as missed.

Our own, because the tools do not fit: mutmut 3 leaves decorated functions out and wants to copy the project, cosmic-ray starts
pytest anew for each change, and both would run the whole selection where a tenth of it is enough.
"""

import argparse
import ast
import inspect
import json
import os
import random
import signal
import sys
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from copy import deepcopy
from dataclasses import dataclass, field, replace
from functools import partial
from importlib import import_module
from pathlib import Path
from time import monotonic, sleep
from types import CodeType, FunctionType
from typing import Any

import pytest
from _pytest.runner import runtestprotocol

from config import ROOT

FILES = (
    *(f"marketplace/domain/{name}.py" for name in ("money", "fees", "cancellation", "reconciliation")),
    *(f"marketplace/actions/{name}.py" for name in ("ledger", "refunds", "payouts", "payments")),
    "marketplace/queries/ledger.py",
)
TESTS = (
    "tests/domain",
    *(f"tests/actions/test_{name}.py" for name in ("ledger", "refunds", "payouts", "credits", "disputes", "fees")),
    *(f"tests/actions/test_{name}.py" for name in ("payments", "lifecycles", "bookings")),
    *(f"tests/jobs/test_{name}.py" for name in ("payments", "payouts", "notices", "reconciliation", "deadlines")),
    *(f"tests/queries/test_{name}.py" for name in ("ledger", "payouts")),
    "tests/bench/test_money_stories.py",
)
SCORE_MIN = 85  # percent
SPARE = 20.0  # seconds that a change may take beyond ten times what its tests take; then it hangs, and that was noticed
SWAPPED: dict[type[ast.AST], type[ast.AST]] = {
    **{ast.Lt: ast.LtE, ast.LtE: ast.Lt, ast.Gt: ast.GtE, ast.GtE: ast.Gt, ast.Eq: ast.NotEq, ast.NotEq: ast.Eq},
    **{ast.In: ast.NotIn, ast.NotIn: ast.In, ast.Is: ast.IsNot, ast.IsNot: ast.Is, ast.And: ast.Or, ast.Or: ast.And},
    **{ast.Add: ast.Sub, ast.Sub: ast.Add, ast.Mult: ast.FloorDiv, ast.FloorDiv: ast.Mult, ast.Mod: ast.Mult},
}
SENTENCES = {"N_"}  # what stands in these calls is for people


@dataclass(frozen=True)
class Mutant:
    """One change: where it is, in which function (with its class), and what it does."""

    file: str
    function: tuple[str, ...]
    line: int
    what: str
    code: CodeType


@dataclass
class Result:
    """How many changes there were, and which of them nobody noticed."""

    counted: Counter[str] = field(default_factory=Counter)
    noticed: Counter[str] = field(default_factory=Counter)
    missed: list[str] = field(default_factory=list)

    def percent(self, file: str | None = None) -> float:
        """The score of one file, or of all."""
        counted, noticed = (
            (self.counted[file], self.noticed[file]) if file else (self.counted.total(), self.noticed.total())
        )
        return 100 * noticed / counted if counted else 0.0


# ---- Making the changes


def mutants_of(file: str) -> Iterator[Mutant]:
    """Every change of every function of this file."""
    tree = ast.parse((ROOT / file).read_text())
    for path, function in _functions(tree):
        for number, (line, what) in enumerate(_changes(function)):
            changed = deepcopy(function)
            list(_changes(changed, apply=number))
            ast.fix_missing_locations(changed)
            yield Mutant(file, path, line, what, _code_of(tree, path, function, changed, file))


def _functions(tree: ast.Module) -> Iterator[tuple[tuple[str, ...], ast.FunctionDef]]:
    """The functions of a module and the methods of its classes; what is defined inside belongs to them."""
    for node in tree.body:
        if isinstance(node, ast.FunctionDef):
            yield (node.name,), node
        if isinstance(node, ast.ClassDef):
            yield from (((node.name, one.name), one) for one in node.body if isinstance(one, ast.FunctionDef))


def _changes(function: ast.FunctionDef, apply: int = -1) -> Iterator[tuple[int, str]]:
    """Each change that can be made, in order; the one with the number `apply` is made."""
    number = 0
    for node, ways in [(node, _ways(node)) for node in _body_of(function)]:
        for what, change in ways:
            if number == apply:
                change()
            yield getattr(node, "lineno", function.lineno), what
            number += 1


def _body_of(function: ast.FunctionDef) -> list[ast.AST]:
    """What is run when it is called, without docstring, annotations and sentences for people."""
    nodes: list[ast.AST] = []

    def visit(node: ast.AST) -> None:
        if isinstance(node, ast.JoinedStr) or (
            isinstance(node, ast.Call) and getattr(node.func, "id", "") in SENTENCES
        ):
            return
        nodes.append(node)
        for name, value in ast.iter_fields(node):
            if name in ("annotation", "returns", "decorator_list", "args") and not isinstance(node, ast.Call):
                continue
            for child in value if isinstance(value, list) else [value]:
                if isinstance(child, ast.AST):
                    visit(child)

    has_docstring = ast.get_docstring(function) is not None
    for statement in function.body[1 if has_docstring else 0 :]:
        visit(statement)
    return nodes


def _ways(node: ast.AST) -> list[tuple[str, Callable[[], None]]]:
    """How this node can be changed."""
    ways: list[tuple[str, Callable[[], None]]] = []

    def become(what: str, **values: Any) -> None:
        ways.append((what, partial(_set, node, values)))

    match node:
        case ast.Compare(ops=ops):
            for place, op in enumerate(ops):
                swapped = SWAPPED.get(type(op))
                if swapped:
                    others = [swapped() if place == at else one for at, one in enumerate(ops)]
                    become(f"{type(op).__name__} -> {swapped.__name__}", ops=others)
        case ast.BinOp(op=op) | ast.AugAssign(op=op) | ast.BoolOp(op=op) if type(op) in SWAPPED:
            become(f"{type(op).__name__} -> {SWAPPED[type(op)].__name__}", op=SWAPPED[type(op)]())
        case ast.UnaryOp(op=ast.Not()):
            become("not not", op=ast.Not(), operand=ast.UnaryOp(ast.Not(), node.operand))
        case ast.UnaryOp(op=ast.USub()):
            become("- -> +", op=ast.UAdd())
        case ast.Constant(value=bool(value)):
            become(f"{value} -> {not value}", value=not value)
        case ast.Constant(value=int(value)):
            become(f"{value} -> {value + 1}", value=value + 1)
        case ast.Constant(value=str(value)) if value:
            become(f"{value!r} -> other words", value=f"{value}X")
        case ast.If(test=test) | ast.IfExp(test=test) if isinstance(
            test, ast.Name | ast.Attribute | ast.Call | ast.NamedExpr
        ):
            become("if -> if not", test=ast.UnaryOp(ast.Not(), test))
        case ast.Return(value=ast.AST()):
            become("return None", value=ast.Constant(None))
        case ast.keyword(arg=str(name), value=value) if not isinstance(value, ast.Constant):
            become(f"{name}=None", value=ast.Constant(None))
        case ast.Expr(value=ast.Call()):
            become("left out", value=ast.Constant(None))
    return ways


def _set(node: ast.AST, values: dict[str, Any]) -> None:
    for name, value in values.items():
        setattr(node, name, value)


def _code_of(
    tree: ast.Module, path: tuple[str, ...], function: ast.FunctionDef, changed: ast.FunctionDef, file: str
) -> CodeType:
    """The code of the changed function, compiled where it stands."""
    body = tree.body
    if len(path) > 1:
        body = next(node for node in body if isinstance(node, ast.ClassDef) and node.name == path[0]).body
    place = body.index(function)
    body[place] = changed
    try:
        code = compile(tree, str(ROOT / file), "exec")
    finally:
        body[place] = function
    for name in path:
        code = next(one for one in code.co_consts if isinstance(one, CodeType) and one.co_name == name)
    return code


def live_function(file: str, path: tuple[str, ...]) -> FunctionType:
    """The function as it runs."""
    found: Any = import_module(file.removesuffix(".py").replace("/", "."))
    for name in path:
        found = found.__dict__[name]
    found = getattr(found, "fget", None) or getattr(found, "__func__", None) or found
    return inspect.unwrap(found)  # type: ignore[return-value]


# ---- Trying them


class Mutation:
    """Takes pytest's place: runs the tests once as they are, then those of each changed function."""

    def __init__(self, files: tuple[str, ...], share: int, result: Result) -> None:
        self.files, self.share, self.result = files, share, result
        self.callers: dict[CodeType, list[pytest.Item]] = defaultdict(list)
        self.seconds: dict[pytest.Item, float] = {}

    def pytest_configure(self) -> None:
        """Nobody reads the smallest example: looking for it would take most of the time."""
        hypothesis = import_module("hypothesis")  # pytest wants to be the first to load it
        phases = hypothesis.Phase.explicit, hypothesis.Phase.generate
        hypothesis.settings.register_profile("mutants", phases=phases)
        hypothesis.settings.load_profile("mutants")

    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        """All of it."""
        functions = {live_function(mutant.file, mutant.function).__code__ for mutant in self._mutants()}
        self._run_as_it_is(session.items, functions)
        chosen = list(self._mutants())
        self._demand_silence(chosen)
        for mutant in random.Random(len(chosen)).sample(chosen, -(-len(chosen) * self.share // 100)):
            self.result.counted[mutant.file] += 1
            if self._is_noticed(mutant):
                self.result.noticed[mutant.file] += 1
            else:
                name = f"{mutant.file}:{mutant.line} {'.'.join(mutant.function)}: {mutant.what}"
                self.result.missed.append(name)
                print(f"missed: {name}", file=sys.__stderr__, flush=True)
        return True

    def _demand_silence(self, chosen: list[Mutant]) -> None:
        """A change that changes nothing is noticed by nobody: else it is the trying that fails, not a test."""
        for first in {mutant.file: mutant for mutant in chosen}.values():
            unchanged = replace(first, code=live_function(first.file, first.function).__code__)
            if self._is_noticed(unchanged):
                raise RuntimeError(f"tests of {first.file} fail although nothing was changed")

    def _mutants(self) -> Iterator[Mutant]:
        for file in self.files:
            yield from mutants_of(file)

    def _run_as_it_is(self, items: list[pytest.Item], functions: set[CodeType]) -> None:
        """Which test calls which function, and how long it takes."""
        for item, following in zip(items, [*items[1:], items[0]], strict=True):  # nothing shared is taken down
            called: set[CodeType] = set()

            def watch(frame: Any, event: str, _arg: Any, called: set[CodeType] = called) -> None:
                if event == "call" and frame.f_code in functions:
                    called.add(frame.f_code)

            began = monotonic()
            sys.setprofile(watch)
            try:
                reports = runtestprotocol(item, nextitem=following, log=False)
            finally:
                sys.setprofile(None)
            if any(report.failed for report in reports):
                raise RuntimeError(
                    f"{item.nodeid} fails as it is: {[one.longreprtext for one in reports if one.failed]}"
                )
            self.seconds[item] = monotonic() - began
            for code in called:
                self.callers[code].append(item)

    def _is_noticed(self, mutant: Mutant) -> bool:
        """Whether a test fails, in a process of its own."""
        function = live_function(mutant.file, mutant.function)
        items = sorted(self.callers[function.__code__], key=self.seconds.__getitem__)
        if not items:
            return False
        child = os.fork()
        if not child:
            os._exit(_tried(function, mutant.code, items))
        until = monotonic() + SPARE + 10 * sum(self.seconds[item] for item in items)
        while monotonic() < until:
            ended, status = os.waitpid(child, os.WNOHANG)
            if ended:
                return status != 0
            sleep(0.01)
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        return True


def _tried(function: FunctionType, code: CodeType, items: list[pytest.Item]) -> int:
    """Run these tests with the changed function; 1 as soon as one fails."""
    try:
        silent = os.open(os.devnull, os.O_WRONLY)
        os.dup2(silent, 1)
        os.dup2(silent, 2)
        function.__code__ = code
        for item, following in zip(items, [*items[1:], items[0]], strict=True):
            item._initrequest()  # type: ignore[attr-defined]
            item.repr_failure = _in_short  # type: ignore[method-assign]
            if any(report.failed for report in runtestprotocol(item, nextitem=following, log=False)):
                return 1
    except BaseException:
        return 1
    return 0


def _in_short(_info: Any, style: Any = None) -> str:
    """Nobody reads why."""
    return "failed"


def score(files: tuple[str, ...], tests: tuple[str, ...], share: int = 100) -> Result:
    """Try the changes of these files (or a share of them, in percent) with these tests."""
    result = Result()
    arguments = ["-p", "no:terminal", "-p", "no:xdist", "-p", "no:logging", "--import-mode=importlib", *tests]
    ended = pytest.main(arguments, plugins=[Mutation(files, share, result)])
    if ended not in (0, pytest.ExitCode.OK):
        raise RuntimeError(f"pytest ended with {ended}")
    return result


def main() -> int:
    """Try all of them, print the score, and say whether the gate holds."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("files", nargs="*", default=FILES)
    parser.add_argument("--tests", nargs="*", default=TESTS)
    parser.add_argument("--share", type=int, default=100, help="so many percent of the changes, drawn alike each time")
    parser.add_argument("--json", type=Path, help="write what was counted into this file")
    asked = parser.parse_args()
    result = score(tuple(asked.files), tuple(asked.tests), asked.share)
    for file in asked.files:
        print(f"{result.percent(file):6.1f} %  of {result.counted[file]:>4}  {file}")
    print(f"{result.percent():6.1f} %  of {result.counted.total():>4}  in all")
    if asked.json:
        told = {"percent": result.percent(), "counted": result.counted.total(), "missed": result.missed}
        asked.json.write_text(json.dumps(told, indent=2))
    return 0 if result.percent() >= SCORE_MIN else 1


if __name__ == "__main__":
    sys.exit(main())
