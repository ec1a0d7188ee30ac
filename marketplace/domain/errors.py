"""Refusals: what a verb raises when it may not or cannot be done.

The web edge turns each of them into a page that says what to do next. A message is an English sentence marked with `N_`,
so that the catalogues know it; values fill its `%(name)s` places after translation.
"""


def N_(message: str) -> str:
    """Mark a sentence for the translation catalogues and give it back unchanged."""
    return message


class DomainError(Exception):
    """A refusal with a sentence for the person who asked."""

    sentence = N_("This did not work.")

    def __init__(self, sentence: str = "", **values: object) -> None:
        self.sentence = sentence or self.sentence
        self.values = values
        super().__init__(self.sentence % values if values else self.sentence)


class NotFound(DomainError):
    """There is no such thing, or none that this person may know of."""

    sentence = N_("The address is not right, or what was here is gone.")


class NotAllowed(DomainError):
    """This person may not do this."""

    sentence = N_("You may not do this.")


class WrongState(DomainError):
    """The thing has moved on meanwhile, so the verb no longer applies."""

    sentence = N_("This is no longer possible, because something changed in the meantime.")


class PaymentUnderWay(WrongState):
    """The task is set aside while a payment for it is under way; `booking` is that reservation's public id."""

    sentence = N_("A payment for this task is already under way.")

    def __init__(self, booking: str) -> None:
        self.booking = booking
        super().__init__()


class EffectChanged(WrongState):
    """Cancelling no longer costs what the person was shown."""

    sentence = N_("What cancelling costs has changed since you opened the page. Please look at it again.")


class Invalid(DomainError):
    """One field of what was typed cannot be accepted; `field` names it as the form does."""

    sentence = N_("Please check what you typed.")

    def __init__(self, field: str, sentence: str, **values: object) -> None:
        self.field = field
        super().__init__(sentence, **values)
