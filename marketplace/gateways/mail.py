"""The door to the post: a mail server, or a folder in which mails are kept and can be read while developing."""

import smtplib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email import message_from_bytes, policy
from email.message import EmailMessage
from email.utils import format_datetime
from pathlib import Path
from typing import Any, NamedTuple, Protocol


class MailRefused(RuntimeError):
    """The mail server did not take the mail; worth another try."""


@dataclass(frozen=True)
class Enclosure:
    """A paper that goes with a mail: the name of its file, and the bytes of a PDF."""

    name: str
    pdf: bytes


class Letter(NamedTuple):
    """The words of a mail, and what is enclosed."""

    subject: str
    body: str
    enclosed: tuple[Enclosure, ...] = ()


@dataclass(frozen=True)
class Mail:
    """A finished mail; `key` is our own row, so that a mail delivered twice carries the same Message-ID."""

    address: str
    subject: str
    body: str
    key: str
    enclosed: tuple[Enclosure, ...] = ()


class Post(Protocol):
    """What takes mails."""

    def deliver(self, mail: Mail) -> None:
        """Hand over one mail; raises MailRefused."""


class SmtpPost:
    """A mail server."""

    def __init__(self, settings: Mapping[str, Any]) -> None:
        self.host, self.port = settings["MAIL_SERVER"], settings["MAIL_PORT"]
        self.username, self.password = settings["MAIL_USERNAME"], settings["MAIL_PASSWORD"]
        self.sender, self.name = settings["MAIL_SENDER"], settings["BRAND_NAME"]

    def deliver(self, mail: Mail) -> None:
        """Send one mail over TLS where the server offers it; raises MailRefused."""
        try:
            with smtplib.SMTP(self.host, self.port, timeout=20) as server:
                server.ehlo()
                if server.has_extn("starttls"):
                    server.starttls()
                if self.username:
                    server.login(self.username, self.password)
                server.send_message(_written(mail, self.sender, self.name))
        except (OSError, smtplib.SMTPException) as problem:
            raise MailRefused(str(problem)) from problem


class KeptPost:
    """Keeps every mail as a file, newest readable first: what development, the demo and tests use without a server."""

    def __init__(self, folder: Path, settings: Mapping[str, Any]) -> None:
        self.folder = folder
        self.sender, self.name = settings["MAIL_SENDER"], settings["BRAND_NAME"]

    def deliver(self, mail: Mail) -> None:
        """Write the mail under its key, so that delivering it again changes nothing."""
        self.folder.mkdir(parents=True, exist_ok=True)
        (self.folder / f"{mail.key}.eml").write_bytes(bytes(_written(mail, self.sender, self.name)))

    def kept(self, limit: int = 50) -> list[EmailMessage]:
        """The mails kept so far, newest first."""
        files = sorted(self.folder.glob("*.eml"), key=lambda file: file.stat().st_mtime_ns, reverse=True)
        return [message_from_bytes(file.read_bytes(), policy=policy.default) for file in files[:limit]]


def open_post(settings: Mapping[str, Any]) -> Post:
    """The mail server that the settings name, or the folder."""
    return SmtpPost(settings) if settings["MAIL_SERVER"] else KeptPost(settings["MAIL_FOLDER"], settings)


def _written(mail: Mail, sender: str, name: str) -> EmailMessage:
    """The mail as it goes over the wire."""
    message = EmailMessage()
    message["From"] = f"{name} <{sender}>"
    message["To"] = mail.address
    message["Subject"] = " ".join(mail.subject.split())
    message["Date"] = format_datetime(datetime.now(UTC))  # the post's own date, not the demo's
    message["Message-ID"] = f"<{mail.key}@{sender.rpartition('@')[2]}>"  # the same when delivered again
    message.set_content(mail.body)
    for one in mail.enclosed:
        message.add_attachment(one.pdf, maintype="application", subtype="pdf", filename=one.name)
    return message
