"""Bring the front end's outside files in: exact versions, checked archives, and only the files that are listed.

`static/vendor/vendor.lock.json` names each package, its version, licence and archive integrity, and where each file
goes under `static/`. This tool downloads the archives with npm, refuses one whose integrity differs, copies the files,
draws the icon sprite out of the listed icons, and writes the sha256 of what it wrote into the lock. Only a maintainer
who changes a version or adds an icon runs it; installing the app needs neither Node nor network.

    python tools/vendor.py           # fetch, check, copy, write the hashes
    python tools/vendor.py --check   # only compare the files under static/ with the lock
"""

import argparse
import base64
import hashlib
import json
import re
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path
from typing import Any

STATIC = Path(__file__).resolve().parent.parent / "static"
LOCK = STATIC / "vendor" / "vendor.lock.json"


def main() -> int:
    """Do what the command line asks; 1 when a file differs from the lock."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--check", action="store_true", help="compare only; change nothing")
    lock = json.loads(LOCK.read_text())
    if not parser.parse_args().check:
        for package in lock["packages"]:
            with tempfile.TemporaryDirectory() as folder:
                bring_in(package, unpack(package, Path(folder)))
        LOCK.write_text(json.dumps(lock, indent=2) + "\n")
    wrong = differences(lock, STATIC)
    print("\n".join(wrong) or f"{len(list(entries(lock)))} files are what the lock says")
    return 1 if wrong else 0


def differences(lock: dict[str, Any], static: Path) -> list[str]:
    """One line for each locked file that is missing under `static` or is not what the lock says."""
    wrong = []
    for entry in entries(lock):
        path = static / entry["to"]
        if not path.is_file():
            wrong.append(f"{entry['to']}: missing")
        elif sha256(path.read_bytes()) != entry["sha256"]:
            wrong.append(f"{entry['to']}: differs from the lock")
    return wrong


def entries(lock: dict[str, Any]) -> Any:
    """Every file of the lock: `to` (below static/) and `sha256`."""
    for package in lock["packages"]:
        yield from package["files"].values()
        if "sprite" in package:
            yield package["sprite"]


def unpack(package: dict[str, Any], folder: Path) -> Path:
    """Download one package's archive with npm, check its integrity and unpack it; returns its root."""
    name = f"{package['name']}@{package['version']}"
    subprocess.run(["npm", "pack", name, "--pack-destination", str(folder)], check=True, capture_output=True)
    archive = next(folder.glob("*.tgz"))
    found = "sha512-" + base64.b64encode(hashlib.sha512(archive.read_bytes()).digest()).decode()
    if found != package["integrity"]:
        raise SystemExit(f"{name}: the archive is {found}, the lock says {package['integrity']}")
    with tarfile.open(archive) as opened:
        opened.extractall(folder, filter="data")
    return folder / "package"


def bring_in(package: dict[str, Any], root: Path) -> None:
    """Copy the listed files, draw the sprite if there is one, and note each sha256."""
    for source, entry in package["files"].items():
        write(entry, (root / source).read_bytes())
    if "sprite" in package:
        write(package["sprite"], sprite(root / "icons", package["sprite"]["icons"]))


def sprite(folder: Path, names: list[str]) -> bytes:
    """One SVG file with a <symbol> for each named icon."""
    symbols = []
    for name in names:
        drawing = re.search(r"<svg[^>]*>(.*)</svg>", (folder / f"{name}.svg").read_text(), re.DOTALL)
        if drawing is None:
            raise SystemExit(f"{name}: not a drawing this tool understands")
        inner = re.sub(r"\s*\n\s*", "", drawing.group(1)).replace(" />", "/>")
        symbols.append(f'<symbol id="{name}" viewBox="0 0 24 24">{inner}</symbol>')
    return ('<svg xmlns="http://www.w3.org/2000/svg">\n' + "\n".join(symbols) + "\n</svg>\n").encode()


def write(entry: dict[str, str], content: bytes) -> None:
    """Put one file in its place below static/ and its sha256 into the lock."""
    path = STATIC / entry["to"]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    entry["sha256"] = sha256(content)


def sha256(content: bytes) -> str:
    """The sha256 of some bytes, in hexadecimal."""
    return hashlib.sha256(content).hexdigest()


if __name__ == "__main__":
    sys.exit(main())
