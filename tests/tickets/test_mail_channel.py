"""Mail to a real SMTP server on the loopback, which misbehaves as told."""

from __future__ import annotations

import shutil
import socketserver
import ssl
import subprocess
import threading
from collections.abc import Iterator
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kb.config.values import MailServer
from kb.connectors.base import (
    HINTS,
    ConnectorFailure,
    Fault,
    PermanentFailure,
    TemporaryFailure,
    message,
)
from kb.connectors.mail import MailConnector, mail_channel
from kb.connectors.registry import fault_of
from kb.errors import ConfigError

SENDER = "Service desk <desk@kb.example.org>"
LETTER = {
    "to": "ann@example.com",
    "name": "Ann Ünlü",
    "subject": "[T-1001] La VPN no conecta ñ",
    "text": "Número T-1001\n.\nuna línea\n",
    "thread": "ticket-1",
}


class Conversation(socketserver.StreamRequestHandler):
    """As much of RFC 5321 as a client that behaves needs."""

    server: SmtpServer

    def handle(self) -> None:
        self.say("220 mail.example.org")
        for line in iter(lambda: self.rfile.readline(), b""):
            words = line.decode().strip().split(" ", 1)
            verb = words[0].upper()
            self.server.heard.append(line.decode().strip())
            if verb in self.server.hang_up_at:
                return
            if verb in self.server.silent_at:
                self.rfile.read()  # until the other side gives up
                return
            if reply := self.server.replies.get(verb):
                self.say(reply)
            elif verb == "EHLO":
                self.say("\r\n".join(["250-mail.example.org", *self.extensions(), "250 HELP"]))
            elif verb == "STARTTLS":
                self.say("220 go ahead")
                self.encrypt()
            elif verb == "DATA":
                self.say("354 go on")
                if not self.taken():
                    return
            elif verb == "AUTH":
                self.say("235 welcome")
            else:
                self.say("250 ok")
            if verb == "QUIT":
                return

    def extensions(self) -> list[str]:
        open_line = not isinstance(self.connection, ssl.SSLSocket)
        offers_tls = self.server.tls and open_line
        return (["250-STARTTLS"] if offers_tls else []) + ["250-AUTH PLAIN"]

    def encrypt(self) -> None:
        assert self.server.tls
        self.rfile.close()
        self.connection = self.server.tls.wrap_socket(self.connection, server_side=True)
        self.rfile = self.connection.makefile("rb")
        self.wfile = self.connection.makefile("wb", buffering=0)  # type: ignore[assignment]

    def finish(self) -> None:
        super().finish()
        self.connection.close()

    def taken(self) -> bool:
        """Read the letter and say what became of it; False when hanging up instead."""
        lines = []
        for line in iter(self.rfile.readline, b".\r\n"):
            if not line:
                return False
            lines.append(line[1:] if line.startswith(b".") else line)
        if "END" in self.server.silent_at:
            self.rfile.read()
        if "END" in self.server.hang_up_at | self.server.silent_at:
            return False
        reply = self.server.replies.get("END", "250 taken")
        if reply.startswith("250"):
            self.server.mail.append(b"".join(lines))
            self.server.was_encrypted.append(isinstance(self.connection, ssl.SSLSocket))
        self.say(reply)
        return True

    def say(self, text: str) -> None:
        self.wfile.write(text.encode() + b"\r\n")


class SmtpServer(socketserver.ThreadingTCPServer):
    """A mail server on a free port, with what it heard and took."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Conversation)
        self.replies: dict[str, str] = {}
        self.hang_up_at: set[str] = set()
        self.silent_at: set[str] = set()
        self.tls: ssl.SSLContext | None = None
        self.heard: list[str] = []
        self.mail: list[bytes] = []
        self.was_encrypted: list[bool] = []

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that hangs up is part of the test."""

    @property
    def port(self) -> int:
        return int(self.server_address[1])

    def channel(self, user: str = "", tls: ssl.SSLContext | None = None) -> MailConnector:
        where = MailServer("127.0.0.1", self.port, user, "p@ss" if user else "")
        return MailConnector(where, SENDER, tls=tls)

    def letters(self) -> list[EmailMessage]:
        return [message_from_bytes(each, policy=default) for each in self.mail]  # type: ignore[misc]


@pytest.fixture
def smtp() -> Iterator[SmtpServer]:
    with SmtpServer() as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture(scope="session")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a file with a key and a certificate for 127.0.0.1."""
    if not shutil.which("openssl"):
        pytest.skip("openssl is not installed on this machine")
    folder = tmp_path_factory.mktemp("tls")
    made = ["-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=127.0.0.1"]
    files = ["-keyout", "key.pem", "-out", "cert.pem", "-addext", "subjectAltName=IP:127.0.0.1"]
    subprocess.run(["openssl", "req", *made, *files], cwd=folder, check=True, capture_output=True)
    both = folder / "both.pem"
    both.write_text((folder / "key.pem").read_text() + (folder / "cert.pem").read_text())
    return both


def test_a_letter_arrives_as_it_was_written(smtp: SmtpServer) -> None:
    smtp.channel().send(LETTER, "row-1")
    [letter] = smtp.letters()
    assert letter["Subject"] == LETTER["subject"]
    assert letter["To"] == "Ann Ünlü <ann@example.com>"
    assert letter["Reply-To"] == SENDER
    assert letter["Auto-Submitted"] == "auto-generated"
    # freescout#2488, bileto#815: Exchange answered notifications with out-of-office letters.
    assert letter["X-Auto-Response-Suppress"] == "All"
    assert letter["References"] == "<ticket-1.thread@kb.example.org>"
    assert letter.get_content().splitlines() == LETTER["text"].splitlines()


def test_a_repeat_has_the_same_message_id(smtp: SmtpServer) -> None:
    smtp.channel().send(LETTER, "row-1")
    smtp.channel().send(LETTER, "row-1")
    assert [each["Message-ID"] for each in smtp.letters()] == ["<row-1@kb.example.org>"] * 2


@pytest.mark.parametrize(
    ("step", "reply", "failure"),
    [
        ("RCPT", "550 5.1.1 no such user", PermanentFailure),
        ("RCPT", "450 4.2.1 greylisted", TemporaryFailure),
        ("END", "554 5.7.1 refused", PermanentFailure),
        ("END", "451 4.3.0 try later", TemporaryFailure),
        ("DATA", "552 5.3.4 too big", PermanentFailure),
        ("EHLO", "421 4.3.2 closing", TemporaryFailure),
        ("MAIL", "530 5.7.0 sign in first", TemporaryFailure),  # ours to set right, not lost
    ],
)
def test_what_the_server_says_decides_whether_to_try_again(
    smtp: SmtpServer, step: str, reply: str, failure: type[Exception]
) -> None:
    smtp.replies[step] = reply
    if step == "EHLO":
        smtp.replies["HELO"] = reply
    with pytest.raises(failure, match=reply.split()[0]):
        smtp.channel().send(LETTER, "row-1")
    assert smtp.mail == []


@pytest.mark.parametrize("step", ["EHLO", "MAIL", "RCPT", "DATA", "END"])
def test_a_server_that_hangs_up_is_tried_again(smtp: SmtpServer, step: str) -> None:
    smtp.hang_up_at.add(step)
    with pytest.raises(TemporaryFailure):
        smtp.channel().send(LETTER, "row-1")


def test_hanging_up_after_the_letter_was_taken_is_no_failure(smtp: SmtpServer) -> None:
    smtp.hang_up_at.add("QUIT")
    smtp.channel().send(LETTER, "row-1")
    assert len(smtp.mail) == 1


def test_no_server_is_a_temporary_failure(free_port: object) -> None:
    port = free_port()  # type: ignore[operator]
    with pytest.raises(TemporaryFailure, match="cannot be reached"):
        MailConnector(MailServer("127.0.0.1", port), SENDER).send(LETTER, "row-1")


def test_encryption_is_used_when_offered_before_the_password(
    smtp: SmtpServer, certificate: Path
) -> None:
    smtp.tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    smtp.tls.load_cert_chain(certificate)
    trusting = ssl.create_default_context(cafile=str(certificate))
    smtp.channel("desk", tls=trusting).send(LETTER, "row-1")
    assert smtp.was_encrypted == [True]
    verbs = [heard.split()[0].upper() for heard in smtp.heard]
    assert verbs.index("STARTTLS") < verbs.index("AUTH")


def test_a_certificate_nobody_vouches_for_is_refused(smtp: SmtpServer, certificate: Path) -> None:
    smtp.tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    smtp.tls.load_cert_chain(certificate)
    with pytest.raises(TemporaryFailure, match=r"(?i)certificate"):
        smtp.channel("desk").send(LETTER, "row-1")
    assert not any(heard.startswith("AUTH") for heard in smtp.heard)


def fault(smtp: SmtpServer, channel: Any) -> ConnectorFailure:
    """Return the failure of everything that sending a letter ends with."""
    with pytest.raises(ConnectorFailure) as caught:
        channel.send(LETTER, "row-1")
    assert smtp.mail == []
    assert fault_of(str(caught.value)) == caught.value.fault
    assert HINTS[Fault(caught.value.fault)]
    return caught.value


@pytest.mark.parametrize(
    ("step", "reply", "expected"),
    [
        ("AUTH", "535 5.7.8 desk@example.org: authentication failed", Fault.PASSWORD),
        ("AUTH", "454 4.7.0 temporary authentication failure", Fault.BUSY),
        ("MAIL", "553 5.7.1 <desk@kb.example.org>: not owned by user", Fault.SENDER),
        ("MAIL", "530 5.7.0 sign in first", Fault.NO_PASSWORD),
        ("MAIL", "452 4.3.1 insufficient system storage", Fault.BUSY),
        ("RCPT", "530 5.7.1 sign in first", Fault.NO_PASSWORD),
        ("RCPT", "421 4.7.0 too many from your network", Fault.BUSY),
        ("EHLO", "421 4.3.2 closing", Fault.BUSY),
    ],
)
def test_what_stops_every_letter_is_told_apart_from_one_recipient(
    smtp: SmtpServer, step: str, reply: str, expected: Fault
) -> None:
    """freescout-help-desk/freescout#3479, mailcow/mailcow-dockerized#4635, CSCfi/rems#2723."""
    smtp.replies[step] = reply
    if step == "EHLO":
        smtp.replies["HELO"] = reply
    found = fault(smtp, smtp.channel("desk"))
    assert found.fault == expected
    assert reply.split()[0] in str(found)


@pytest.mark.parametrize("step", ["EHLO", "MAIL", "RCPT"])
def test_a_line_that_breaks_before_the_letter_is_a_fault_of_all(
    smtp: SmtpServer, step: str
) -> None:
    smtp.hang_up_at.add(step)
    assert fault(smtp, smtp.channel()).fault == Fault.HANGS_UP


def test_a_line_that_breaks_within_the_letter_may_be_the_letters_fault(smtp: SmtpServer) -> None:
    smtp.hang_up_at.add("END")
    with pytest.raises(TemporaryFailure) as caught:
        smtp.channel().send(LETTER, "row-1")
    assert not isinstance(caught.value, ConnectorFailure)


def test_a_letter_too_big_for_the_server_is_refused_alone(smtp: SmtpServer) -> None:
    smtp.replies["MAIL"] = "552 5.3.4 message size exceeds fixed limit"
    with pytest.raises(PermanentFailure, match="552"):
        smtp.channel().send(LETTER, "row-1")


@pytest.mark.parametrize("step", ["EHLO", "MAIL", "END"])
def test_a_server_that_says_nothing_more_is_left_in_time(
    smtp: SmtpServer, step: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("kb.connectors.mail.TIMEOUT_S", 0.2)
    smtp.silent_at.add(step)
    with pytest.raises(TemporaryFailure) as caught:
        smtp.channel().send(LETTER, "row-1")
    assert (step == "END") == (not isinstance(caught.value, ConnectorFailure))
    if step != "END":
        assert fault_of(str(caught.value)) == Fault.SILENT


def encrypting(smtp: SmtpServer, certificate: Path) -> SmtpServer:
    smtp.tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    smtp.tls.load_cert_chain(certificate)
    return smtp


def test_a_relay_with_its_own_certificate_is_used_once_it_is_named(
    smtp: SmtpServer, certificate: Path, tmp_path: Path
) -> None:
    """louislam/uptime-kuma#276, we-promise/sure#1288: STARTTLS with a self-signed certificate;
    Chocobozzz/PeerTube#373, passbolt/passbolt_help#82, getsentry/self-hosted#3279.
    """
    encrypting(smtp, certificate)
    url = f"smtp://127.0.0.1:{smtp.port}"
    found = fault(smtp, mail_channel(url, SENDER, tmp_path))
    assert found.fault == Fault.CERTIFICATE
    assert "elf-signed" in str(found)
    mail_channel(url, SENDER, tmp_path, ca=str(certificate)).send(LETTER, "row-1")
    assert smtp.was_encrypted == [True]


def test_a_certificate_for_another_name_is_said_to_be(
    smtp: SmtpServer, certificate: Path, tmp_path: Path
) -> None:
    encrypting(smtp, certificate)  # made for 127.0.0.1
    channel = mail_channel(f"smtp://localhost:{smtp.port}", SENDER, tmp_path, ca=str(certificate))
    assert fault(smtp, channel).fault == Fault.OTHER_NAME


def test_with_a_certificate_named_no_open_line_is_used(
    smtp: SmtpServer, certificate: Path, tmp_path: Path
) -> None:
    """Somebody between could take the offer of encryption out of the conversation."""
    url = f"smtp://127.0.0.1:{smtp.port}"
    channel = mail_channel(url, SENDER, tmp_path, ca=str(certificate))
    assert fault(smtp, channel).fault == Fault.OPEN_LINE
    assert not any(heard.startswith(("MAIL", "AUTH")) for heard in smtp.heard)


@pytest.mark.parametrize("content", [None, "", "no certificate"])
def test_a_file_of_certificates_that_holds_none_is_refused_at_once(
    tmp_path: Path, content: str | None
) -> None:
    file = tmp_path / "ca.pem"
    if content is not None:
        file.write_text(content, "utf-8")
    with pytest.raises(ConfigError, match="mail_ca"):
        mail_channel("smtp://mail.example.org", SENDER, tmp_path, ca=str(file))


def test_encryption_that_the_server_does_not_speak_is_named(smtp: SmtpServer) -> None:
    """Chocobozzz/PeerTube#4060: "wrong version number" told nobody what to change."""
    where = MailServer("127.0.0.1", smtp.port, encrypted=True)
    assert fault(smtp, MailConnector(where, SENDER)).fault == Fault.ENCRYPTION


def test_a_password_beyond_ascii_is_said_and_no_traceback(smtp: SmtpServer) -> None:
    where = MailServer("127.0.0.1", smtp.port, "desk", "contraseña")
    assert "ASCII" in str(fault(smtp, MailConnector(where, SENDER)))


@pytest.mark.parametrize("sender", ["Service desk", "", "desk@"])
def test_a_sender_that_is_no_address_refuses_no_letter_for_good(
    smtp: SmtpServer, sender: str
) -> None:
    where = MailServer("127.0.0.1", smtp.port)
    assert fault(smtp, MailConnector(where, sender)).fault == Fault.NO_SENDER


def test_a_password_never_goes_over_an_open_line(
    smtp: SmtpServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("kb.connectors.mail._LOOPBACK", frozenset())  # as if it were far away
    with pytest.raises(TemporaryFailure, match="no encryption"):
        smtp.channel("desk").send(LETTER, "row-1")
    assert not any(heard.startswith("AUTH") for heard in smtp.heard)


HOSTILE = st.sampled_from(["\r\n", "\n", "\r", "\x00", "\u2028", "\x0b"])


@given(
    name=st.sampled_from(["to", "name", "subject", "reply_to", "thread"]),
    before=st.text(max_size=20),
    end=HOSTILE,
)
def test_no_header_can_be_added(name: str, before: str, end: str) -> None:
    with pytest.raises(PermanentFailure):
        message(LETTER | {name: f"{before}{end}Bcc: all@example.com"}, "row-1", sender=SENDER)


@given(
    subject=st.text(st.characters(blacklist_categories=["Cs", "Cc", "Zl", "Zp"]), max_size=200),
    text=st.text(st.characters(blacklist_categories=["Cs"]), max_size=400),
)
def test_any_one_line_subject_and_any_text_make_a_message(subject: str, text: str) -> None:
    letter = message(LETTER | {"subject": subject, "text": text}, "row-1", sender=SENDER)
    assert sorted(set(letter.keys())) == sorted(letter.keys())
    head = letter.as_bytes().split(b"\r\n\r\n")[0].split(b"\r\n")
    assert not any(line.lower().startswith(b"bcc") for line in head)


@pytest.mark.parametrize("to", ["", "ann", "ann@", "a b@example.com", "<ann@example.com>, b@c.d"])
def test_what_is_no_address_is_refused_for_good(to: str) -> None:
    with pytest.raises(PermanentFailure):
        message(LETTER | {"to": to}, "row-1", sender=SENDER)


def test_the_url_names_the_server() -> None:
    url = "smtps://desk%40example.org:p%40ss@mail.example.org"
    expected = MailServer("mail.example.org", 465, "desk@example.org", "p@ss", encrypted=True)
    assert MailServer.from_url(url) == expected
    assert MailServer.from_url("smtp://mail.example.org:2525").port == 2525


@pytest.mark.parametrize("url", ["mail.example.org", "http://x", "smtp://", "smtp://h:x", "smtp:"])
def test_a_url_that_names_no_server_says_what_to_write(url: str) -> None:
    with pytest.raises(ConfigError, match="smtp://user:password@host:port"):
        mail_channel(url, SENDER, Path("mail"))


def test_without_a_server_letters_are_files_and_the_log_names_their_id(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """BLB3DPrinting/filaops#118, azrtydxb/kryton#21, MotWakorb/enhancedchannelmanager#866."""
    channel = mail_channel("", SENDER, tmp_path / "mail")
    with caplog.at_level("INFO"):
        for _ in range(2):  # the same letter again is the same file
            channel.send(LETTER, "row-1")
        channel.send(LETTER, "../../digest of ann@example.com")
    for word in ("T-1001", "ann@", "digest", "VPN"):
        assert word not in caplog.text
    assert "letter row-1 is" in caplog.text
    first, second = sorted((tmp_path / "mail").iterdir(), key=lambda file: len(file.name))
    assert first.name == "row-1.eml"
    assert second.suffix == ".eml"
    assert list(tmp_path.iterdir()) == [tmp_path / "mail"]
    assert {oct(file.stat().st_mode)[-3:] for file in (first, second)} == {"600"}
    letter = message_from_bytes(first.read_bytes(), policy=default)
    assert letter["To"] == "Ann Ünlü <ann@example.com>"
    assert letter.get_content().replace("\r\n", "\n") == LETTER["text"]


def test_a_folder_that_cannot_be_written_is_tried_again(tmp_path: Path) -> None:
    (tmp_path / "mail").write_text("in the way", encoding="utf-8")
    with pytest.raises(TemporaryFailure):
        mail_channel("", SENDER, tmp_path / "mail").send(LETTER, "row-1")
