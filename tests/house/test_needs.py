"""What is missing on a machine is said loudly: a skip, and with CI=true a failure."""

from pathlib import Path

import pytest

from tests.needs import demand_postgres, lacking, node_package

Skipped, Failed = pytest.skip.Exception, pytest.fail.Exception


def test_what_is_missing_is_skipped_and_with_ci_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CI", raising=False)
    with pytest.raises(Skipped, match="Chromium is missing"):
        lacking("Chromium")
    monkeypatch.setenv("CI", "true")
    with pytest.raises(Failed, match="Chromium is missing"):
        lacking("Chromium")


def test_a_server_and_a_package_that_are_not_there_are_noticed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("CI", "true")
    monkeypatch.setenv("TEST_POSTGRES_URL", "postgresql+psycopg://nobody@127.0.0.1:9/none")
    with pytest.raises(Failed, match=r"PostgreSQL at .* is missing"):
        demand_postgres()
    with pytest.raises(Failed, match=r"axe\.min\.js"):
        node_package(tmp_path / "axe.min.js")
    assert node_package(Path(__file__)) == Path(__file__)
