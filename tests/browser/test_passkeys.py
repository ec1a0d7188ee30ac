"""A passkey in Chromium, with a device that says yes: set up, signed in with, removed."""

from playwright.sync_api import Browser, expect

from tests.browser.town import PASSWORD, Town

DEVICE = {
    "protocol": "ctap2",
    "transport": "internal",
    "hasResidentKey": True,
    "hasUserVerification": True,
    "isUserVerified": True,
    "automaticPresenceSimulation": True,
}


def test_a_passkey_signs_in_without_a_password(town: Town, browser: Browser) -> None:
    address = town.url.replace("127.0.0.1", "localhost")  # browsers know no passkeys for bare numbers
    town.inside(lambda: town.newcomer("paula", "Paula Passkey"))
    window = browser.new_context(locale="en-GB")
    page = window.new_page()
    complaints: list[str] = []
    page.on("console", lambda line: complaints.append(line.text) if "Content Security" in line.text else None)
    device = window.new_cdp_session(page)
    device.send("WebAuthn.enable")
    device.send("WebAuthn.addVirtualAuthenticator", {"options": DEVICE})

    page.goto(f"{address}/login?lang=en")
    page.get_by_label("Mail address").fill("paula@example.org")
    page.get_by_label("Password").fill(PASSWORD)
    page.locator("main form button").click()
    page.goto(f"{address}/account/passkeys")
    page.get_by_label("Name of the passkey").fill("My phone")
    page.get_by_role("button", name="Add a passkey").click()
    expect(page.get_by_role("heading", name="My phone")).to_be_visible()
    page.goto(f"{address}/account")
    page.locator("main").get_by_role("button", name="Sign out").click()

    page.goto(f"{address}/login?next=/account/devices")
    page.get_by_role("link", name="Sign in with a passkey").click()
    page.locator("main form button").click()
    expect(page.get_by_role("heading", name="My devices")).to_be_visible()

    page.goto(f"{address}/account/passkeys")
    page.get_by_role("button", name="Remove this passkey").click()
    expect(page.get_by_role("heading", name="My phone")).to_have_count(0)
    window.close()
    assert complaints == []
