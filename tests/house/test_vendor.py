"""What comes from outside is what the lock says, and nothing lies beside it."""

import json
import runpy
import shutil
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
STATIC = ROOT / "static"
LOCK = json.loads((STATIC / "vendor" / "vendor.lock.json").read_text())
tool = runpy.run_path(str(ROOT / "tools" / "vendor.py"))


def test_every_vendored_file_is_what_the_lock_says():
    assert tool["differences"](LOCK, STATIC) == []


def test_nothing_unlocked_lies_among_the_vendored_files():
    locked = {entry["to"] for entry in tool["entries"](LOCK)} | {"vendor/vendor.lock.json"}
    found = {
        str(path.relative_to(STATIC))
        for room in ("vendor", "fonts")
        for path in (STATIC / room).rglob("*")
        if path.is_file()
    }
    assert found <= locked, found - locked


def test_a_changed_and_a_missing_file_are_noticed(tmp_path):
    copy = tmp_path / "static"
    shutil.copytree(STATIC, copy)
    first, second = (entry["to"] for entry in list(tool["entries"](LOCK))[:2])
    (copy / first).write_bytes((copy / first).read_bytes() + b" ")
    (copy / second).unlink()
    assert tool["differences"](LOCK, copy) == [f"{first}: differs from the lock", f"{second}: missing"]


def test_every_package_names_its_licence_and_pins_its_archive():
    for package in LOCK["packages"]:
        assert package["licence"], package["name"]
        assert package["integrity"].startswith("sha512-"), package["name"]
