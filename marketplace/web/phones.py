"""Phone numbers: typed as people write them, kept as the network dials them."""

import phonenumbers


def dialled(typed: str, country: str) -> str:
    """The number in international form (`079 123 45 67` in CH gives `+41791234567`); raises ValueError for nonsense."""
    try:
        number = phonenumbers.parse(typed, country)
    except phonenumbers.NumberParseException as nonsense:
        raise ValueError(typed) from nonsense
    if not phonenumbers.is_valid_number(number):
        raise ValueError(typed)
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)


def readable(number: str) -> str:
    """The number as people read it: `+41 79 123 45 67`."""
    return phonenumbers.format_number(phonenumbers.parse(number), phonenumbers.PhoneNumberFormat.INTERNATIONAL)
