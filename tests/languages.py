"""What tests know of the languages: all our sentences, those that read alike in two of them, and signs of English."""

import re

from babel.messages.extract import DEFAULT_KEYWORDS, extract_from_dir
from babel.messages.frontend import parse_mapping_cfg
from babel.messages.pofile import read_po

from config import LANGUAGES, ROOT
from marketplace.web.languages import TRANSLATIONS, WRITTEN_IN

TRANSLATED = tuple(code for code in LANGUAGES if code != WRITTEN_IN)
# What `make messages` gathers besides Babel's own: the lazy sentences of forms.
KEYWORDS = DEFAULT_KEYWORDS | {"_l": None, "lazy_gettext": None}

# Sentences that read alike in English and in these languages; whatever else does was left untranslated.
ALIKE = {
    "%(day)s, %(time)s": "de fr it",  # only values
    "%(file)s: %(why)s": "de it",  # only values; French has its space
    "%(hours)s h %(minutes)s min": "fr it",  # signs of units
    "%(hours)s h": "fr it",
    "%(minutes)s min": "fr it",
    "%(km)s km": "de fr it",
    "%(percent)s %%": "de fr it",
    "Budget": "de fr it",  # words that came from one language into the other
    "Certification": "fr",
    "Certifications": "fr",
    "Code": "de fr",
    "Computer": "de it",
    "Date": "fr",
    "Conversation": "fr",
    "Demo": "de it",
    "Description": "fr",
    "Distance": "fr",
    "Journal": "fr",
    "Menu": "fr it",
    "Message": "fr",
    "Messages": "fr",
    "Name": "de",
    "Pages": "fr",
    "Passkeys": "de",
    "Password": "it",
    "Person": "de",
    "Photo %(n)s": "fr",
    "Photos": "fr",
    "Surface": "fr",
    "Text": "de",
    "Urgent": "fr",
    "no": "it",
}

# No language of ours but English has these words; one of them in a text is a sentence nobody translated.
ENGLISH = re.compile(
    r"\b(the|and|your?|please|this|that|with|from|is|are|not|of|have|has|can|been|they|their|what|when"
    r"|helpers?|tasks?|bids?|bookings?|reviews?|customers?|sign(ed)?|mail address)\b",
    re.IGNORECASE,
)
FAMILIAR = {
    "de": re.compile(r"\b(du|dich|dir|dein\w*)\b", re.IGNORECASE),
    "fr": re.compile(r"\b(tu|toi|ton|ta|tes)\b", re.IGNORECASE),
    "it": re.compile(r"\b(tu|tuo|tua|tuoi|tue|ti|te)\b", re.IGNORECASE),
}


def translations(code: str) -> set[str]:
    """Every sentence of a language's catalogue."""
    with (TRANSLATIONS / code / "LC_MESSAGES" / "messages.po").open("rb") as file:
        strings = [message.string for message in read_po(file, locale=code)]
    return {form for string in strings for form in ((string,) if isinstance(string, str) else string)}


def gathered() -> set[tuple[str, ...]]:
    """Every sentence of code and templates, plurals as pairs, gathered as `make messages` does."""
    with (ROOT / "babel.cfg").open() as mapping:
        methods, options = parse_mapping_cfg(mapping)
    found: set[tuple[str, ...]] = set()
    for _, _, sentence, _, _ in extract_from_dir(ROOT, methods, options, KEYWORDS, strip_comment_tags=False):
        found.add((sentence,) if isinstance(sentence, str) else tuple(sentence))
    return found
