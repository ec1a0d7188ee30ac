"""Gets what the tests need beyond Python: Chromium, PostgreSQL and the Node packages of the checks.

Installs Debian's packages where it may (root on Debian). What it cannot have it says loudly, and with CI=true that is a failure.
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path

from sqlalchemy import create_engine
from sqlalchemy.exc import OperationalError

ROOT = Path(__file__).parent.parent
POSTGRES = os.environ.get("TEST_POSTGRES_URL", "postgresql+psycopg://root@127.0.0.1:5432/test")


def main() -> int:
    """Prepare everything; 1 when something is missing that must be there."""
    missing = [what for what, ready in (chromium(), node_packages(), postgres()) if not ready]
    for what in missing:
        print(f"\n*** MISSING: {what}. The tests that need it are not run. ***\n", file=sys.stderr)
    return 1 if missing and os.environ.get("CI") == "true" else 0


def chromium() -> tuple[str, bool]:
    """A browser for the tests."""
    if not browser():
        install("chromium")
    return "Chromium (Debian package chromium)", bool(browser())


def browser() -> str | None:
    return os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("chromium-browser")


def node_packages() -> tuple[str, bool]:
    """axe, html-validate and Lighthouse at the versions of package-lock.json."""
    stamp = ROOT / "node_modules" / ".installed"
    lock = ROOT / "package-lock.json"
    if stamp.exists() and stamp.stat().st_mtime >= lock.stat().st_mtime:
        return "", True
    if not shutil.which("npm"):
        install("nodejs", "npm")
    if not shutil.which("npm"):
        return "Node.js with npm", False
    environment = {**os.environ, "PUPPETEER_SKIP_DOWNLOAD": "1"}
    command = ["npm", "ci", "--silent", "--no-audit", "--no-fund", "--ignore-scripts"]
    done = subprocess.run(command, cwd=ROOT, env=environment, check=False)
    if done.returncode == 0:
        stamp.touch()
    return "the Node packages of package-lock.json", done.returncode == 0


def postgres() -> tuple[str, bool]:
    """A PostgreSQL server that lets us make databases."""
    if not reachable() and "TEST_POSTGRES_URL" not in os.environ and install("postgresql"):
        subprocess.run(["service", "postgresql", "start"], check=False)
        as_postgres = ["su", "postgres", "-c"]
        subprocess.run([*as_postgres, "createuser --superuser root"], check=False)
        subprocess.run([*as_postgres, "createdb --owner root test"], check=False)
        allow = "sed -i '1i host all root 127.0.0.1/32 trust' $(psql -tA -c 'show hba_file')"
        subprocess.run([*as_postgres, f"{allow} && psql -c 'select pg_reload_conf()'"], check=False)
    return f"PostgreSQL at {POSTGRES}", reachable()


def reachable() -> bool:
    try:
        with create_engine(POSTGRES).connect():
            return True
    except OperationalError:
        return False


def install(*packages: str) -> bool:
    """Install Debian packages when this machine lets us."""
    if os.geteuid() != 0 or not shutil.which("apt-get"):
        return False
    print(f"Installing {', '.join(packages)} ...")
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    subprocess.run(["apt-get", "update", "-qq"], env=environment, check=False)
    command = ["apt-get", "install", "-y", "-qq", *packages]
    return subprocess.run(command, env=environment, stdout=subprocess.DEVNULL, check=False).returncode == 0


if __name__ == "__main__":
    sys.exit(main())
