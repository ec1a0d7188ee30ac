"""The whole business on one page: every state of every noun and every move between them.

A lifecycle is a table `{action: {state before: state after}}`. What is not in the table cannot happen. The tables are drawn into
`docs/architecture.md`, tried cell by cell in the tests, and turned into CHECK constraints by the models.
"""

from dataclasses import dataclass

from marketplace.domain.errors import WrongState


@dataclass(frozen=True)
class Lifecycle:
    """The states of one noun, the one it begins in, and its moves."""

    noun: str
    begins: str
    moves: dict[str, dict[str, str]]

    def __getattr__(self, word: str) -> str:
        """A state by its name, so that nobody spells one out as a string: `BID.placed`. Others are an AttributeError."""
        if not word.startswith("_") and word in self.states:
            return word
        raise AttributeError(f"a {type(self).__name__} has no state {word}")

    @property
    def states(self) -> tuple[str, ...]:
        """Every state, in the order in which the table first names it."""
        named = [self.begins]
        for move in self.moves.values():
            for before, after in move.items():
                named += [before, after]
        return tuple(dict.fromkeys(named))

    @property
    def ends(self) -> frozenset[str]:
        """The states that nothing leads out of."""
        left = {before for move in self.moves.values() for before in move}
        return frozenset(self.states) - left

    def befores(self, action: str) -> tuple[str, ...]:
        """The states in which `action` is possible."""
        return tuple(self.moves[action])

    def after(self, action: str, before: str) -> str:
        """The state that `action` leads to from `before`; raises WrongState when it does not apply."""
        try:
            return self.moves[action][before]
        except KeyError:
            raise WrongState() from None


CERTIFICATION = Lifecycle(
    "certification",
    "applied",
    {
        "grant": {"applied": "granted"},
        "decline": {"applied": "declined"},
        "withdraw": {"applied": "withdrawn"},
        "suspend": {"granted": "suspended"},
        "reinstate": {"suspended": "granted"},
    },
)

TASK = Lifecycle(
    "task",
    "open",
    {
        "reserve": {"open": "open"},  # a payment for one of its bids is under way; until then it stays open
        "book": {"open": "booked"},
        "reopen": {"booked": "open"},
        "finish": {"booked": "done"},
        "close": {"done": "closed", "booked": "closed"},
        "cancel": {"open": "cancelled", "booked": "cancelled"},
        "expire": {"open": "expired"},
        "remove": {"open": "removed", "expired": "removed"},
    },
)

BID = Lifecycle(
    "bid",
    "placed",
    {
        "counter": {"placed": "countered"},
        "revise": {"placed": "placed", "countered": "placed"},
        "agree": {"countered": "placed"},  # the helper takes over the customer's proposal
        "reserve": {"placed": "placed"},  # its payment is under way
        "accept": {"placed": "accepted"},
        "decline": {"placed": "declined", "countered": "declined"},
        "withdraw": {"placed": "withdrawn", "countered": "withdrawn"},
        "expire": {"placed": "expired", "countered": "expired"},
        "fall_through": {"accepted": "withdrawn"},  # the helper cancelled the booking; the task is open again
    },
)

BOOKING = Lifecycle(
    "booking",
    "reserved",
    {
        "confirm": {"reserved": "confirmed"},
        "lapse": {"reserved": "lapsed"},
        "set_out": {"confirmed": "on_the_way"},
        "start": {"confirmed": "started", "on_the_way": "started"},
        "finish": {"started": "finished"},
        "sign_off": {"finished": "signed_off", "unsolved": "signed_off"},
        "sign_off_in_silence": {"finished": "signed_off"},  # never what the customer has called unsolved
        "report_unsolved": {
            "finished": "unsolved",
            "started": "unsolved",
        },  # out of started once the agreed end is over
        "refer": {"confirmed": "unsolved", "on_the_way": "unsolved", "started": "unsolved"},  # nobody said how it ended
        "give_up": {"started": "not_solvable"},  # the helper says that no neighbour can solve it
        "cancel": {"confirmed": "cancelled", "on_the_way": "cancelled"},
        "report_no_show": {"confirmed": "no_show", "on_the_way": "no_show"},  # the other side may object for a while
        "object": {"no_show": "unsolved"},
        "settle_no_show": {"no_show": "cancelled"},
        "settle": {"unsolved": "unsolved"},  # the operator decides about the money: sign_off or give_back follows
        "give_back": {"unsolved": "cancelled"},
        "close": {"signed_off": "closed"},
    },
)

PAYMENT = Lifecycle(
    "payment",
    "prepared",
    {
        "hold": {"prepared": "held", "card_saved": "held", "action_needed": "held"},
        "save_card": {"prepared": "card_saved"},  # the visit is far ahead: charged nearer to it
        "ask": {"card_saved": "action_needed"},  # the bank wants its customer to confirm the later charge
        "take_cash": {"prepared": "cash"},
        "fail": {"prepared": "failed", "card_saved": "failed", "action_needed": "failed", "cash": "failed"},
        "send_back": {  # paid when the visit could no longer be had
            "prepared": "refunded",
            "card_saved": "refunded",
            "action_needed": "refunded",
            "failed": "refunded",
        },
        "release": {"held": "released", "cash": "released"},
        "refund": {"held": "refunded", "released": "refunded", "partly_refunded": "refunded"},
        "refund_partly": {
            "held": "partly_refunded",
            "released": "partly_refunded",
            "partly_refunded": "partly_refunded",
        },
    },
)

REFUND = Lifecycle(
    "refund",
    "asked",
    {
        "give": {"asked": "given"},
        "fail": {"asked": "failed", "given": "failed"},
        "ask_again": {"failed": "asked"},
        "drop": {"failed": "dropped"},  # the customer's bank has taken the money back itself
    },
)

PAYOUT = Lifecycle(
    "payout",
    "waiting",
    {
        "lower": {"waiting": "waiting"},  # a refund took a part of it before it left
        "drop": {"waiting": "dropped"},
        "take": {"waiting": "sending", "sending": "sending"},  # from here on it may have left
        "put_back": {"sending": "waiting"},  # it surely has not left
        "send": {"sending": "sent"},
    },
)

REVERSAL = Lifecycle("reversal", "asked", {"take_back": {"asked": "taken_back"}, "fail": {"asked": "failed"}})

DISPUTE = Lifecycle(
    "dispute",
    "open",
    {
        "answer": {"open": "answered"},
        "escalate": {"open": "open", "answered": "open", "won": "open"},  # an inquiry becomes a dispute
        "win": {"open": "won", "answered": "won"},
        "lose": {"open": "lost", "answered": "lost"},
    },
)

LIFECYCLES = (CERTIFICATION, TASK, BID, BOOKING, PAYMENT, REFUND, PAYOUT, REVERSAL, DISPUTE)

# Readings of the tables that several floors need.
PAYMENT_UNDER_WAY = ("prepared", "action_needed")  # its customer is to pay on a page
PAYMENT_UNPAID = ("prepared", "card_saved", "action_needed", "cash")
BOOKING_LIVE = ("reserved", "confirmed", "on_the_way", "started", "finished", "unsolved", "no_show")
BOOKING_AGREED = (
    *("confirmed", "on_the_way", "started", "finished", "signed_off", "closed", "unsolved", "no_show", "not_solvable"),
)
BOOKING_DONE = ("signed_off", "closed")
BOOKING_HOLDING = ("confirmed", "on_the_way", "started", "finished", "unsolved", "no_show")
BOOKING_UNDER_WAY = ("on_the_way", "started")
BOOKING_UNPAID = ("reserved", "lapsed")  # what a helper never hears of
TASK_TAKEN = ("booked", "done", "closed")  # a helper was found
CERTIFICATION_LIVE = ("applied", "granted", "suspended")  # one of each skill at most
BID_LIVE = ("placed", "countered")
