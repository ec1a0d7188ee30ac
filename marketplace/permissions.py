"""Who may do what: one page of pure predicates, asked by the actions and mirrored by the guard of each route."""

from marketplace.domain.lifecycles import TASK
from marketplace.models import Bid, Booking, Certification, Profile, Task, User, UserSession
from marketplace.models.accounts import ROLES


def has_role(user: User, role: str) -> bool:
    """Whether this person holds the operator's role `role` or a higher one."""
    return any(ROLES.index(name) >= ROLES.index(role) for name in user.role_names)


def is_operator(user: User) -> bool:
    """Whether this person belongs to the operator."""
    return bool(user.role_names)


def may_change_task(user: User, task: Task) -> bool:
    """A task belongs to the customer who posted it."""
    return task.customer_id == user.id


def may_bid(user: User, task: Task, certified_skill_ids: set[int]) -> bool:
    """Only a helper certified for the task's skill may bid, and nobody on a task of their own."""
    return user.is_helper and task.customer_id != user.id and task.skill_id in certified_skill_ids


def may_answer_bid(user: User, bid: Bid, task: Task) -> bool:
    """The task's customer counters, declines and accepts."""
    return task.customer_id == user.id and bid.task_id == task.id


def may_change_bid(user: User, bid: Bid) -> bool:
    """A bid belongs to the helper who placed it."""
    return bid.helper_id == user.id


def may_see_bid(user: User, bid: Bid, task: Task) -> bool:
    """A bid is seen by its helper and the task's customer, and by nobody else."""
    return may_change_bid(user, bid) or may_answer_bid(user, bid, task)


def may_write(user: User, task: Task, helper_id: int, *, acquainted: bool, certified_skill_ids: set[int]) -> bool:
    """The customer writes to helpers who bid or asked first, a helper about a bid or a task that they may bid on."""
    if task.state == TASK.removed or task.customer_id == helper_id:
        return False
    if user.id == task.customer_id:
        return acquainted
    may_ask = task.state == TASK.open and may_bid(user, task, certified_skill_ids)
    return user.id == helper_id and (acquainted or may_ask)


def side_of(user: User, booking: Booking) -> str | None:
    """The side that this person has in a booking: customer, helper, or none."""
    return {booking.customer_id: "customer", booking.helper_id: "helper"}.get(user.id)


def may_see_booking(user: User, booking: Booking) -> bool:
    """A booking is seen by its two sides and the operator."""
    return side_of(user, booking) is not None or is_operator(user)


def may_see_paper(user: User, booking: Booking, side: str) -> bool:
    """A receipt or statement is for the side that it is written to, and for the operator."""
    return side_of(user, booking) == side or is_operator(user)


def may_see_address(user: User, booking: Booking) -> bool:
    """The exact address and phone are for the two sides of a booking only."""
    return side_of(user, booking) is not None


def may_decide_certifications(user: User) -> bool:
    """Moderators certify."""
    return has_role(user, "moderator")


def may_decide_certification(user: User, certification: Certification) -> bool:
    """Moderators certify others, never themselves."""
    return may_decide_certifications(user) and certification.helper_id != user.id


def may_apply(user: User) -> bool:
    """Whoever has written a helper's profile may apply for a skill."""
    return user.is_helper


def may_withdraw_certification(user: User, certification: Certification) -> bool:
    """An application belongs to the helper who made it."""
    return certification.helper_id == user.id


def may_change_profile(user: User, profile: Profile) -> bool:
    """A profile belongs to its helper."""
    return profile.user_id == user.id


def may_see_profile(user: User | None, profile: Profile, *, was_certified: bool) -> bool:
    """Whoever was once certified has a public profile; before, and while suspended, only they and the operator see it."""
    if user is not None and (may_change_profile(user, profile) or is_operator(user)):
        return True
    return was_certified and profile.user.suspended_at is None


def may_remove_task(user: User) -> bool:
    """Moderators take tasks down."""
    return has_role(user, "moderator")


def may_suspend(user: User, person: User) -> bool:
    """Moderators suspend people, but nobody themselves, and only an admin one of the operator's."""
    return user.id != person.id and has_role(user, "admin" if is_operator(person) else "moderator")


def may_settle(user: User) -> bool:
    """Moderators decide about the money of an unsolved visit."""
    return has_role(user, "moderator")


def may_see_money(user: User) -> bool:
    """Moderators see the platform's money."""
    return has_role(user, "moderator")


def may_move_money(user: User, booking: Booking) -> bool:
    """Moderators refund and share anew, but never about a visit of their own."""
    return has_role(user, "moderator") and side_of(user, booking) is None


def may_give_credit(user: User, customer_id: int) -> bool:
    """Moderators give goodwill, never to themselves."""
    return has_role(user, "moderator") and user.id != customer_id


def may_set_fees(user: User) -> bool:
    """Admins set the platform's fees."""
    return has_role(user, "admin")


def may_end_session(user: User, user_session: UserSession) -> bool:
    """People sign their own devices out."""
    return user_session.user_id == user.id
