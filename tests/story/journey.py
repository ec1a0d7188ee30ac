"""The whole story of two people, told once: a stranger posts a task, and in the end the helper is a Friend.

The sentences are the house's own; each visitor reads them in their language.
"""

from collections.abc import Callable
from dataclasses import dataclass

from marketplace.gateways.payments.sandbox.cards import DECLINED_CARD, GOOD_CARD
from tests.story.visitors import Visitor

TITLE = "Im Schlafzimmer kein WLAN"


@dataclass(frozen=True)
class Cast:
    """Who takes part: two mail addresses, one password, and the worker."""

    customer: str
    helper: str
    password: str
    skill: Callable[[str], str]  # the name of the skill in a language
    work: Callable[[], None]
    profile: str  # the path of the helper's public profile
    arrive: Callable[[], None] = lambda: None  # lets time pass until shortly before the visit


def live_through(cast: Cast, customer: Visitor, helper: Visitor) -> None:
    """From the home page to the badge, and the money to the helper's account."""
    post_a_task(cast, customer)
    place_a_bid(cast, helper)
    negotiate(customer, helper)
    accept_and_pay(customer)
    visit(cast, customer, helper)
    be_paid_out(cast, helper)
    review_each_other(cast, customer, helper)


def post_a_task(cast: Cast, customer: Visitor) -> None:
    """Six questions before having an account, then register, confirm by mail, sign in and publish."""
    customer.open("/")
    customer.press("Post a task")
    customer.choose(cast.skill(customer.language))
    customer.press("Continue")
    customer.press("Continue")  # the guided questions: "I don't know" is an answer
    customer.type("In one short sentence: what is it about?", TITLE)
    customer.type("What is happening, and what would you like?", "Seit dem neuen Router. Meine Nummer: 079 123 45 67.")
    customer.press("Continue")
    customer.press("Continue")  # no photos
    customer.tick("Evening", 3)
    customer.press("Continue")
    customer.type("Postcode or place", "3011 Bern")
    customer.choose("A helper comes to me")
    customer.press("Continue")
    customer.reads("Check your answers")
    customer.reads("079 123 45 67")  # pointed out before publishing
    customer.press("Publish task")
    customer.press("I am new here")
    register(cast, customer)
    customer.open("/my-tasks")
    customer.press("Go on with it")
    customer.press("Publish task")
    customer.reads("Your task is online")


def register(cast: Cast, customer: Visitor) -> None:
    """Make an account; the link in the kept mail opens it."""
    customer.type("First and last name", "Vera Vogel")
    customer.type("Mail address", cast.customer)
    customer.type("Password", cast.password)
    customer.press("Make an account")
    customer.reads("Please look into your mailbox")
    cast.work()
    customer.open(f"/development/mails?to={cast.customer}")
    customer.press("http…/confirm/…")
    sign_in(cast.customer, cast.password, customer)


def sign_in(address: str, password: str, person: Visitor) -> None:
    """At the sign-in page."""
    person.open("/login")
    person.type("Mail address", address)
    person.type("Password", password)
    person.press("Sign in")


def place_a_bid(cast: Cast, helper: Visitor) -> None:
    """The helper finds the task nearby, names a price, sees what remains of it, and sends the bid."""
    sign_in(cast.helper, cast.password, helper)
    helper.open("/tasks")
    helper.press(TITLE)
    helper.press("Place a bid")
    helper.type("Your total price", "60")
    helper.type("What is included?", "Anfahrt und Einrichtung")
    helper.type("Message to the customer", "Ich komme gern. Rufen Sie mich an: 079 765 43 21.")
    helper.press("Continue and see what you get")
    helper.reads("54…00")  # 60.00 less the fee of ten percent
    helper.press("Send the bid")
    helper.reads("Your bid is sent. You will get a mail as soon as the customer answers.")
    cast.work()


def negotiate(customer: Visitor, helper: Visitor) -> None:
    """The customer proposes another price; the helper agrees."""
    customer.open("/my-tasks")
    customer.press("Compare the bids")
    customer.press("Details and messages")
    customer.reads_not("765 43 21")  # masked until they have a booking
    customer.press("Propose something else")
    customer.type("Your price", "55")
    customer.press("Send the proposal")
    customer.reads("Your proposal is sent. The helper answers it here.")
    helper.open("/my-bids")
    helper.press(TITLE)
    helper.press("Agree")
    helper.reads("You have agreed. The customer can accept the bid now.")


def accept_and_pay(customer: Visitor) -> None:
    """The check page, a card that is declined, another one that pays."""
    customer.open("/my-tasks")
    customer.press("Compare the bids")
    customer.press("Accept")
    customer.reads("Check and pay")
    customer.reads("55…00")
    customer.type("Street and number", "Rosenweg 3")
    customer.type("Phone number", "079 123 45 67")
    customer.press("Continue to the payment page")
    pay(customer, DECLINED_CARD)
    customer.reads("The card was declined.")
    pay(customer, GOOD_CARD)
    customer.reads("Next: %(name)s comes at the agreed time. You need not do anything.")


def pay(customer: Visitor, card: str) -> None:
    """At the sandbox's payment page."""
    customer.type("Card number", card)
    customer.press("Pay %(price)s")


def visit(cast: Cast, customer: Visitor, helper: Visitor) -> None:
    """On the way, begun, finished, signed off."""
    cast.arrive()
    helper.open("/bookings")
    helper.press(TITLE)
    helper.reads("Rosenweg 3")
    helper.press("I am on my way")
    helper.press("I begin now")
    helper.press("It is finished")
    customer.open("/bookings")
    customer.press(TITLE)
    customer.reads("Your turn: does it work? Then sign off.")
    customer.press("It works: sign off")
    customer.reads("Thank you. The helper gets the money now.")
    cast.work()


def be_paid_out(cast: Cast, helper: Visitor) -> None:
    """The earned money waits for bank data; with them it is sent."""
    helper.open("/payouts")
    helper.reads("Your money waits for your bank data.")
    helper.press("Give bank data")
    helper.press("To the payment service")
    helper.press("Hand everything in")
    helper.reads("Payouts are set up.")
    cast.work()
    helper.open("/payouts")
    helper.reads("Sent so far")
    helper.reads("49…50")
    helper.press("See my account")
    helper.reads("Has reached your account")
    helper.reads("49…50")


def review_each_other(cast: Cast, customer: Visitor, helper: Visitor) -> None:
    """Blind until both have written; the fifth good visit makes a Friend."""
    customer.press("Write a review")
    customer.choose("5:")
    customer.type("In your own words", "Freundlich und geduldig, jetzt läuft alles.")
    customer.press("Send the review")
    customer.open(cast.profile)
    customer.reads_not("jetzt läuft alles")
    helper.open("/bookings")
    helper.press(TITLE)
    helper.press("Write a review")
    helper.choose("5:")
    helper.press("Send the review")
    cast.work()
    customer.open(cast.profile)
    customer.reads("jetzt läuft alles")
    customer.reads("Friend")
    helper.open("/my-badge")
    helper.reads("You are a %(badge)s since %(day)s.")
