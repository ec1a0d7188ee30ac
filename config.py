"""Settings from the environment; a production without its secrets does not start."""

import secrets
from collections.abc import Mapping
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent
ENVIRONMENTS = ("demo", "development", "test", "production")
LANGUAGES = ("de", "fr", "it", "en")

# Read as they are when the environment names them; the value is the default.
TEXTS = {
    # The operator's own face
    "BRAND_NAME": "Hilfreich",
    "BRAND_LOGO": "",  # address of a picture under /static or /brand; empty draws our own
    "BRAND_COLOUR": "",  # "#a03c2b"; empty keeps the house's colours
    "BRAND_COLOUR_DARK": "",
    "BADGE_NAME": "Friend",
    "OPERATOR_NAME": "Musterbetrieb AG",
    "OPERATOR_ADDRESS": "Beispielgasse 1, 3000 Bern",
    "OPERATOR_MAIL": "hallo@example.org",
    "OPERATOR_IBAN": "",  # for the QR-bills of fees on visits paid in cash; empty writes none
    "CONTENT_FOLDER": "",  # own imprint.de.md, terms.fr.md ...; what is missing there is taken from marketplace/content
    "COUNTRIES": "CH,LI,AT,DE",
    "REGIONS": "",  # "ZH,BE": only there may tasks be posted and helpers apply; empty means everywhere
    "TIME_ZONE": "Europe/Zurich",
    "DEFAULT_LANGUAGE": "de",
    # Places
    "GEOCODER": "bundled",  # or nominatim, photon, swisstopo
    "GEOCODER_URL": "",
    # Mail
    "MAIL_SERVER": "",  # empty keeps the mails in a folder and shows them at /development/mails
    "MAIL_USERNAME": "",
    "MAIL_PASSWORD": "",
    "MAIL_SENDER": "hallo@example.org",
    # Money: keys and webhook secrets of Stripe; without them the sandbox of play money runs
    "STRIPE_SECRET_KEY": "",
    "STRIPE_WEBHOOK_SECRET": "",
    "STRIPE_CONNECT_WEBHOOK_SECRET": "",
    "SANDBOX_SWITCHES": "",  # "duplicates=50,delay=3": what goes wrong in the sandbox; see gateways/payments/sandbox/switches.py
    # Limits
    "RATELIMIT_STORAGE_URI": "memory://",  # redis://... when several machines serve
}
# What production cannot do without
NEEDED = (
    "SECRET_KEY",
    "SECURITY_PASSWORD_SALT",
    "DATABASE_URL",
    "PUBLIC_URL",
    "MAIL_SERVER",
    "STRIPE_SECRET_KEY",
    "STRIPE_WEBHOOK_SECRET",
    "STRIPE_CONNECT_WEBHOOK_SECRET",
)
NUMBERS = {"MAIL_PORT": 587, "PROXIES": 0}


class MissingSetting(RuntimeError):
    """A setting that production cannot do without."""


def settings(environ: Mapping[str, str]) -> dict[str, Any]:
    """All settings, from the environment and the defaults above; raises MissingSetting in an incomplete production."""
    environment = environ.get("ENVIRONMENT", "development")
    if environment not in ENVIRONMENTS:
        raise MissingSetting(f"ENVIRONMENT is one of {', '.join(ENVIRONMENTS)}, not {environment!r}")
    production = environment == "production"
    if production:
        _demand(environ, *NEEDED)
    var = Path(environ.get("VAR_FOLDER") or ROOT / "var").resolve()
    values: dict[str, Any] = {name: environ.get(name, default) for name, default in TEXTS.items()}
    values |= {name: int(environ.get(name, default)) for name, default in NUMBERS.items()}
    values |= {
        "ENVIRONMENT": environment,
        "DEMO": environment == "demo",
        "TESTING": environment == "test",
        "VAR_FOLDER": var,
        "SECRET_KEY": environ.get("SECRET_KEY") or _own_secret(var, "secret-key"),
        "SECURITY_PASSWORD_SALT": environ.get("SECURITY_PASSWORD_SALT") or _own_secret(var, "password-salt"),
        "DATABASE_URL": environ.get("DATABASE_URL") or f"sqlite:///{var / 'hilfreich.sqlite'}",
        "PUBLIC_URL": environ.get("PUBLIC_URL", ""),
        "HTTPS": environ.get("PUBLIC_URL", "").startswith("https://"),
        "PHOTO_FOLDER": Path(environ.get("PHOTO_FOLDER") or var / "photos"),
        "MAIL_FOLDER": Path(environ.get("MAIL_FOLDER") or var / "mails"),
        "CLOCK_FILE": var / "clock",
        "ADDRESS_FILE": var / "address",  # where `flask serve` is reached, for who writes mails beside it
        "GEOCODER_CACHE": environ.get("GEOCODER_CACHE") or _places_asked(values["GEOCODER"], var),
        # Numbers of the business: FEE_PERCENT=12 and so on; see marketplace/domain/policy.py
        "POLICY": {name: value for name, value in environ.items() if name == name.upper()},
    }
    return values


def _places_asked(geocoder: str, var: Path) -> str:
    """The file in which all processes keep what an online service answered, and share its one request a second."""
    return "" if geocoder.lower() in ("", "bundled") else str(var / "places.sqlite")


def _demand(environ: Mapping[str, str], *names: str) -> None:
    """Refuse to start while one of these is missing."""
    missing = [name for name in names if not environ.get(name)]
    if missing:
        raise MissingSetting(f"production needs {', '.join(missing)}; see docs/operations.md")


def _own_secret(folder: Path, name: str) -> str:
    """A secret of this installation, made once and kept in the var folder: there is no default secret."""
    file = folder / name
    if not file.exists():
        folder.mkdir(parents=True, exist_ok=True)
        file.touch(mode=0o600)
        file.write_text(secrets.token_urlsafe(32))
    return file.read_text()
