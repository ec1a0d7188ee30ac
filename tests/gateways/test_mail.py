"""The post: kept mails, and what a mail server gets."""

import smtplib
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from marketplace.gateways.mail import Enclosure, KeptPost, Mail, MailRefused, SmtpPost, open_post

SETTINGS = {
    "MAIL_SERVER": "",
    "MAIL_PORT": 1,
    "MAIL_USERNAME": "",
    "MAIL_PASSWORD": "",
    "MAIL_SENDER": "hallo@example.org",
    "BRAND_NAME": "Hilfreich",
}
MAIL = Mail("anna@example.org", "Grüezi\nBcc: evil@example.org", "Ein Link: http://localhost/confirm/abc\n", "outbox-1")


def test_kept_mails_come_newest_first_and_once(tmp_path: Path) -> None:
    post = KeptPost(tmp_path, SETTINGS)
    post.deliver(MAIL)
    post.deliver(Mail("berta@example.org", "Zweite", "Text\n", "outbox-2"))
    post.deliver(MAIL)  # delivered again after a kill: the same mail, not a second one
    kept = post.kept()
    assert sorted(mail["To"] for mail in kept) == ["anna@example.org", "berta@example.org"]
    assert kept[0].get_content() == MAIL.body


def test_a_subject_cannot_smuggle_in_another_header(tmp_path: Path) -> None:
    post = KeptPost(tmp_path, SETTINGS)
    post.deliver(MAIL)
    [mail] = post.kept()
    assert mail["Bcc"] is None
    assert mail["Subject"] == "Grüezi Bcc: evil@example.org"
    assert mail["From"] == "Hilfreich <hallo@example.org>"


def test_the_message_id_names_our_row(tmp_path: Path) -> None:
    post = KeptPost(tmp_path, SETTINGS)
    post.deliver(MAIL)
    first = post.kept()[0]["Message-ID"]
    post.deliver(MAIL)
    assert post.kept()[0]["Message-ID"] == first
    assert first == "<outbox-1@example.org>"


def test_what_is_enclosed_goes_with_the_words(tmp_path: Path) -> None:
    post = KeptPost(tmp_path, SETTINGS)
    post.deliver(replace(MAIL, enclosed=(Enclosure("receipt-abc.pdf", b"%PDF-1.7 x"),)))
    [mail] = post.kept()
    assert mail.get_body(("plain",)).get_content() == MAIL.body
    [paper] = mail.iter_attachments()
    assert (paper.get_filename(), paper.get_content_type()) == ("receipt-abc.pdf", "application/pdf")
    assert paper.get_content() == b"%PDF-1.7 x"


def test_a_server_that_is_away_is_worth_another_try(monkeypatch: pytest.MonkeyPatch) -> None:
    def away(*args: Any, **options: Any) -> None:
        raise ConnectionRefusedError("nobody listens")

    monkeypatch.setattr(smtplib, "SMTP", away)
    post = open_post({**SETTINGS, "MAIL_SERVER": "mail.example.org"})
    assert isinstance(post, SmtpPost)
    with pytest.raises(MailRefused):
        post.deliver(MAIL)


def test_without_a_server_mails_are_kept(tmp_path: Path) -> None:
    assert isinstance(open_post({**SETTINGS, "MAIL_FOLDER": tmp_path}), KeptPost)
