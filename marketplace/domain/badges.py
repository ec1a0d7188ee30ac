"""The published rule of the Friend badge: when it is earned, what is missing, and how far the way is."""

from dataclasses import dataclass

from marketplace.domain.policy import Policy

RULE_VERSION = 1


@dataclass(frozen=True)
class Record:
    """What counts of a helper: figures made from certifications, bookings, reviews and cases."""

    certified: bool
    signed_off: int
    customers: int
    cautious_hundredths: int
    completed: int
    agreed: int  # bookings that were to be done: completed, cancelled by the helper, or not turned up
    open_safety_case: bool

    @property
    def completion_percent(self) -> int:
        """How many of the agreed bookings were completed; 100 while there is none."""
        return 100 if not self.agreed else self.completed * 100 // self.agreed


@dataclass(frozen=True)
class Step:
    """One condition of the rule: its name, how far the helper is, how far it goes, and whether it is met."""

    name: str
    have: int
    need: int
    met: bool


def steps_to_friend(record: Record, policy: Policy) -> list[Step]:
    """The conditions of the Friend badge in the order in which they are shown."""

    def reaching(name: str, have: int, need: int) -> Step:
        return Step(name, have, need, have >= need)

    return [
        reaching("certified", int(record.certified), 1),
        reaching("signed_off", record.signed_off, policy.friend_bookings),
        reaching("customers", record.customers, policy.friend_customers),
        reaching("rating", record.cautious_hundredths, policy.friend_rating_hundredths),
        reaching("completion", record.completion_percent, policy.friend_completion_percent),
        Step("no_safety_case", int(not record.open_safety_case), 1, not record.open_safety_case),
    ]


def earns_friend(record: Record, policy: Policy) -> bool:
    """Whether every condition of the Friend badge is met."""
    return all(step.met for step in steps_to_friend(record, policy))
