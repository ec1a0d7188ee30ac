"""Every state of every noun times every action, against a second telling of the business written down here by hand."""

import pytest

from marketplace.domain import lifecycles
from marketplace.domain.errors import WrongState
from marketplace.domain.lifecycles import LIFECYCLES, Lifecycle

# What may happen, as one would tell it; what is not told here is refused. Whoever changes the table changes both.
TOLD = {
    "certification": """
        applied    grant: granted        decline: declined       withdraw: withdrawn
        granted    suspend: suspended
        suspended  reinstate: granted
        declined
        withdrawn
    """,
    "task": """
        open       reserve: open         book: booked            cancel: cancelled    expire: expired   remove: removed
        booked     reopen: open          finish: done            close: closed        cancel: cancelled
        done       close: closed
        expired    remove: removed
        closed
        cancelled
        removed
    """,
    "bid": """
        placed     counter: countered    revise: placed          reserve: placed      accept: accepted
        placed     decline: declined     withdraw: withdrawn     expire: expired
        countered  revise: placed        agree: placed           decline: declined
        countered  withdraw: withdrawn   expire: expired
        accepted   fall_through: withdrawn
        declined
        withdrawn
        expired
    """,
    "booking": """
        reserved   confirm: confirmed    lapse: lapsed
        confirmed  set_out: on_the_way   start: started          cancel: cancelled    report_no_show: no_show
        confirmed  refer: unsolved
        on_the_way start: started        cancel: cancelled       report_no_show: no_show
        on_the_way refer: unsolved
        started    finish: finished      give_up: not_solvable   report_unsolved: unsolved
        started    refer: unsolved
        finished   sign_off: signed_off  sign_off_in_silence: signed_off              report_unsolved: unsolved
        no_show    object: unsolved      settle_no_show: cancelled
        unsolved   sign_off: signed_off  settle: unsolved        give_back: cancelled
        signed_off close: closed
        not_solvable
        closed
        cancelled
        lapsed
    """,
    "payment": """
        prepared       hold: held      save_card: card_saved    take_cash: cash   fail: failed   send_back: refunded
        card_saved     hold: held      ask: action_needed       fail: failed      send_back: refunded
        action_needed  hold: held      fail: failed             send_back: refunded
        cash           release: released                        fail: failed
        failed         send_back: refunded
        held           release: released        refund: refunded         refund_partly: partly_refunded
        released       refund: refunded         refund_partly: partly_refunded
        partly_refunded    refund: refunded     refund_partly: partly_refunded
        refunded
    """,
    "refund": """
        asked      give: given           fail: failed
        given      fail: failed
        failed     ask_again: asked      drop: dropped
        dropped
    """,
    "payout": """
        waiting    lower: waiting        drop: dropped           take: sending
        sending    take: sending         put_back: waiting       send: sent
        sent
        dropped
    """,
    "reversal": """
        asked      take_back: taken_back fail: failed
        taken_back
        failed
    """,
    "dispute": """
        open       answer: answered      win: won                lose: lost       escalate: open
        answered   win: won              lose: lost              escalate: open
        won        escalate: open
        lost
    """,
}


def told(noun: str) -> dict[str, dict[str, str]]:
    """The telling as a table: state before, action, state after."""
    table: dict[str, dict[str, str]] = {}
    for line in TOLD[noun].strip().splitlines():
        before, *words = line.replace(":", "").split()
        table.setdefault(before, {}).update(zip(words[::2], words[1::2], strict=True))
    return table


CELLS = [
    pytest.param(lifecycle, state, action, id=f"{lifecycle.noun}-{state}-{action}")
    for lifecycle in LIFECYCLES
    for state in lifecycle.states
    for action in lifecycle.moves
]


@pytest.mark.parametrize(("lifecycle", "state", "action"), CELLS)
def test_every_action_in_every_state(lifecycle: Lifecycle, state: str, action: str) -> None:
    expected = told(lifecycle.noun)[state].get(action)
    if expected is None:
        with pytest.raises(WrongState):
            lifecycle.after(action, state)
        assert state not in lifecycle.befores(action)
    else:
        assert lifecycle.after(action, state) == expected
        assert state in lifecycle.befores(action)


def test_the_table_and_its_telling_know_the_same_states_and_actions() -> None:
    assert {lifecycle.noun for lifecycle in LIFECYCLES} == set(TOLD)
    for lifecycle in LIFECYCLES:
        telling = told(lifecycle.noun)
        assert set(lifecycle.states) == set(telling)
        assert set(lifecycle.moves) == {action for actions in telling.values() for action in actions}
        assert lifecycle.ends == {state for state, actions in telling.items() if not actions}
        assert next(iter(telling)) == lifecycle.begins == lifecycle.states[0]


@pytest.mark.parametrize("lifecycle", LIFECYCLES, ids=lambda lifecycle: lifecycle.noun)
def test_every_state_can_be_reached(lifecycle: Lifecycle) -> None:
    steps = {(before, after) for moves in lifecycle.moves.values() for before, after in moves.items()}
    assert _closure({lifecycle.begins}, steps) == set(lifecycle.states)


def _closure(states: set[str], steps: set[tuple[str, str]]) -> set[str]:
    """These states and all that the steps lead to from them."""
    while more := {after for before, after in steps if before in states} - states:
        states = states | more
    return states


def test_unknown_words_are_refused() -> None:
    with pytest.raises(WrongState):
        lifecycles.BID.after("accept", "sold")
    with pytest.raises(WrongState):
        lifecycles.BID.after("auction", "placed")


@pytest.mark.parametrize(
    ("reading", "lifecycle"),
    [
        (lifecycles.BOOKING_LIVE, lifecycles.BOOKING),
        (lifecycles.BOOKING_AGREED, lifecycles.BOOKING),
        (lifecycles.BOOKING_DONE, lifecycles.BOOKING),
        (lifecycles.BID_LIVE, lifecycles.BID),
        (lifecycles.PAYMENT_UNDER_WAY, lifecycles.PAYMENT),
        (lifecycles.PAYMENT_UNPAID, lifecycles.PAYMENT),
    ],
)
def test_readings_name_states_of_their_table_once(reading: tuple[str, ...], lifecycle: Lifecycle) -> None:
    assert set(reading) < set(lifecycle.states)
    assert len(set(reading)) == len(reading)


def test_what_is_live_is_what_still_takes_the_helpers_time() -> None:
    booking = lifecycles.BOOKING
    assert set(lifecycles.BOOKING_LIVE) == set(booking.states) - booking.ends - set(lifecycles.BOOKING_DONE)
    assert set(lifecycles.BOOKING_DONE) == _closure(
        {"signed_off"}, {(before, after) for moves in booking.moves.values() for before, after in moves.items()}
    )
    assert set(lifecycles.BOOKING_AGREED) == set(booking.states) - {"reserved", "lapsed", "cancelled"}
    assert set(lifecycles.BID_LIVE) == set(lifecycles.BID.befores("withdraw"))


def test_there_are_as_many_cells_as_states_times_actions() -> None:
    counted = sum(len(lifecycle.states) * len(lifecycle.moves) for lifecycle in LIFECYCLES)
    print(f"lifecycles: {len(CELLS)} cells")
    assert len(CELLS) == counted > 250
