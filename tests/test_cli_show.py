"""`imapdb show`: a message for a reader, and its parts octet for octet."""

from __future__ import annotations

import base64
import json
import random
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from imapdb.cli import run
from tests.kit.nasty import HAND_MADE, appendable
from tests.kit.terminal import Terminal

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.kit.login import Login

CLI = str(Path(__file__).parent.parent / "cli.py")
BINARY = random.Random(5).randbytes(200_000)
LETTER = b"".join([
    b"From: Ada Lovelace <ada@example.org>\r\nTo: bob@example.org\r\nSubject: =?utf-8?Q?Gr=C3=BC=C3=9Fe?=\r\n",
    b"Date: Thu, 29 Feb 2024 10:00:00 +0000\r\nMessage-ID: <x@example.org>\r\nMIME-Version: 1.0\r\n",
    b'Content-Type: multipart/mixed; boundary="m"\r\n\r\n--m\r\n',
    b'Content-Type: multipart/alternative; boundary="a"\r\n\r\n--a\r\n',
    b"Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n",
    b"Gr=C3=BC=C3=9Fe,\r\n\r\n\tAda=20\r\n\r\n--a\r\n",
    b"Content-Type: text/html; charset=iso-8859-1\r\nContent-Transfer-Encoding: 8bit\r\n\r\n",
    b"<p>Gr\xfc\xdfe,</p>\r\n<p>Ada</p>\r\n\r\n--a--\r\n--m\r\n",
    b"Content-Type: application/octet-stream\r\nContent-Transfer-Encoding: base64\r\n",
    b"Content-Disposition: attachment; filename*=utf-8''Z%C3%BCrich.bin\r\n\r\n",
    base64.encodebytes(BINARY).replace(b"\n", b"\r\n"),
    b"\r\n--m\r\nContent-Type: text/csv; name=a.csv\r\nContent-Disposition: attachment\r\n\r\n",
    b"a,b\r\n1,2\r\n\r\n--m--\r\n",
])  # fmt: skip
HTML_ONLY = (
    b"From: ada@example.org\r\nSubject: html\r\nMIME-Version: 1.0\r\nContent-Type: text/html; charset=utf-8\r\n\r\n"
    b"<html><body><p>Hello <b>you</b></p><ul><li>one<li>two</ul><script>alert(1)</script></body></html>\r\n"
)


def _hostile(text: str) -> str:
    return f"=?utf-8?B?{base64.b64encode(text.encode()).decode()}?="


# What terminals obey: a title, colours, a cleared screen, a cursor moved; in 7 bit, in C1, by BS and CR.
CONTROLS = "\x1b]0;owned\x07\x1b[2J\x1b[31mred\x9b2J\x85\x90x\x9c\x08\x08\x0e\x0f\x7f\x00\x1bc\u202eabc\u2028"
HOSTILE = "\r\n".join([
    f"From: {_hostile(CONTROLS)} <esc@example.net>", f"Subject: {_hostile(CONTROLS)}", "X-Raw: a\x1b[31mb\x07",
    "MIME-Version: 1.0", "Content-Type: multipart/mixed; boundary=b", "", "--b",
    "Content-Type: text/plain; charset=utf-8", "Content-Transfer-Encoding: base64", "",
    base64.b64encode(f"first\nover\rwritten\n{CONTROLS}\ta tab\n".encode()).decode(), "--b",
    "Content-Type: text/html; charset=utf-8", 'Content-Disposition: attachment; filename="a\x1b[31m.html"',
    "Content-Transfer-Encoding: base64", "", base64.b64encode(f"<p>{CONTROLS}".encode()).decode(), "--b",
    "Content-Type: text/html; charset=utf-8", "Content-Transfer-Encoding: base64", "",
    base64.b64encode(f"<p>{CONTROLS}".encode()).decode(), "--b",
    f'Content-Type: image/png; name="{_hostile(CONTROLS)}"', "Content-Disposition: attachment", "", "x", "--b--", "",
]).encode()  # fmt: skip
_FORBIDDEN = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069]")


@pytest.fixture(autouse=True)
def _places(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("CONFIG", "STATE", "CACHE"):
        monkeypatch.setenv(f"XDG_{name}_HOME", str(tmp_path / name))
    monkeypatch.setenv("PAGER", "cat")


@pytest.fixture
def show(
    monkeypatch: pytest.MonkeyPatch, capfdbinary: pytest.CaptureFixture[bytes]
) -> Callable[..., tuple[int, bytes, str]]:
    """Run `imapdb show` of a message in INBOX; give its exit code and what it wrote."""

    def shown(login: Login, uid: int, *options: str) -> tuple[int, bytes, str]:
        monkeypatch.setenv("IMAPDB_URL", login.url())
        code = run(["show", "INBOX", str(uid), *options])
        out, err = capfdbinary.readouterr()
        return code, out, err.decode()

    return shown


@pytest.fixture
def on_terminal(tmp_path: Path) -> Iterator[Callable[..., Terminal]]:
    started: list[Terminal] = []

    def start(login: Login, uid: int, *options: str, **environment: str) -> Terminal:
        given = {"IMAPDB_URL": login.url(), "PAGER": "cat"} | environment
        started.append(Terminal([sys.executable, CLI, "show", "INBOX", str(uid), *options], given))
        return started[-1]

    yield start
    for terminal in started:
        terminal.__exit__()


def test_a_message_is_shown(login: Login, show: Any) -> None:
    uid = login.append("INBOX", LETTER)
    code, out, err = show(login, uid)
    assert (code, err) == (0, "")
    header, _, rest = out.decode().partition("\n\n")
    assert header.splitlines()[:5] == [
        "From: Ada Lovelace <ada@example.org>",
        "To: bob@example.org",
        "Date: 2024-02-29 10:00:00 UTC",
        "Subject: Grüße",
        "Message-ID: <x@example.org>",
    ]
    text, _, attached = rest.rpartition("\n\n")
    assert text == "Grüße,\n\n\tAda"
    first, second = attached.splitlines()
    assert re.fullmatch(r"Attachment 2: Zürich\.bin \(application/octet-stream, 20\d kB\)", first)
    assert re.fullmatch(r"Attachment 3: a\.csv \(text/csv, \d+ octets\)", second)


def test_html_is_shown_as_text(login: Login, show: Any) -> None:
    code, out, _ = show(login, login.append("INBOX", HTML_ONLY))
    assert code == 0
    text = out.decode().partition("\n\n")[2]
    assert re.sub(r"[*_]", "", text).startswith("Hello you\n")
    assert "one\n" in text
    assert "<" not in text
    assert "alert" not in text


def test_as_json(dovecot_login: Login, show: Any) -> None:
    uid = dovecot_login.append("INBOX", LETTER)
    code, out, _ = show(dovecot_login, uid, "--json")
    assert code == 0
    entry = json.loads(out)
    assert (entry["mailbox"], entry["uid"], entry["subject"]) == ("INBOX", uid, "Grüße")
    assert entry["text"].replace("\r\n", "\n") == "Grüße,\n\n\tAda \n"
    assert [(one["part"], one["filename"]) for one in entry["attachments"]] == [("2", "Zürich.bin"), ("3", "a.csv")]
    assert entry["problems"] == []
    assert "headers" not in entry
    entry = json.loads(show(dovecot_login, uid, "--json", "--headers")[1])
    assert entry["headers"]["mime-version"] == "1.0"
    assert entry["text"]


def test_problems_stand_at_the_end(dovecot_login: Login, show: Any, on_terminal: Callable[..., Terminal]) -> None:
    uid = dovecot_login.append("INBOX", HAND_MADE["base64 that is cut"])
    _, out, err = show(dovecot_login, uid)
    assert err == ""
    assert out.decode().splitlines()[-1].startswith("Problem: base64: ")
    terminal = on_terminal(dovecot_login, uid)
    assert terminal.wait() == 0
    assert "\x1b[2mProblem" in terminal.written


# All of them go the same way in the tests of export, in one session.
@pytest.mark.parametrize("name", [*HAND_MADE][::12])
def test_raw_is_the_message_itself(dovecot_login: Login, show: Any, name: str) -> None:
    message = appendable(HAND_MADE[name])
    assert show(dovecot_login, dovecot_login.append("INBOX", message), "--raw") == (0, message, "")


@pytest.mark.parametrize("name", [*HAND_MADE][::3])
def test_odd_mail_is_shown(dovecot_login: Login, show: Any, name: str) -> None:
    uid = dovecot_login.append("INBOX", appendable(HAND_MADE[name]))
    code, out, err = show(dovecot_login, uid)
    assert (code, err) == (0, "")
    assert not _FORBIDDEN.search(out.decode())


def test_the_octets_of_a_part(login: Login, show: Any, tmp_path: Path) -> None:
    uid = login.append("INBOX", LETTER)
    assert show(login, uid, "--part", "2") == (0, BINARY, "")
    # Some servers count the line end before a boundary in.
    assert show(login, uid, "--part", "1.1")[1].rstrip() == "Grüße,\r\n\r\n\tAda".encode()
    assert show(login, uid, "--part", "3")[1].rstrip() == b"a,b\r\n1,2"
    saved = tmp_path / "saved"
    assert show(login, uid, "--part", "2", "-o", str(saved)) == (0, b"", "")
    assert saved.read_bytes() == BINARY
    assert [*tmp_path.iterdir()] == [saved]


@pytest.mark.parametrize("part", ["9", "2.1", "x", "", "1\r\n", "0"])
def test_a_part_that_is_not_there(dovecot_login: Login, show: Any, part: str) -> None:
    code, out, err = show(dovecot_login, dovecot_login.append("INBOX", LETTER), "--part", part)
    assert (code, out) == (1, b"")
    assert len(err.splitlines()) == 1
    assert "has no part" in err


def test_a_part_of_a_message_that_is_not_there(dovecot_login: Login, show: Any) -> None:
    code, out, err = show(dovecot_login, 7, "--part", "1")
    assert (code, out, err) == (1, b"", "imapdb: there is no message 7 in INBOX\n")


def test_a_broken_part_is_given_with_a_warning(dovecot_login: Login, show: Any) -> None:
    code, out, err = show(dovecot_login, dovecot_login.append("INBOX", HAND_MADE["base64 that is cut"]), "--part", "1")
    assert code == 0
    assert out.startswith(b"hello worl")
    assert err.startswith("imapdb: warning: part 1: base64: ")


def test_the_html_as_written(login: Login, show: Any, tmp_path: Path) -> None:
    uid = login.append("INBOX", LETTER)
    code, out, err = show(login, uid, "--html")
    assert (code, out.decode().rstrip(), err) == (0, "<p>Grüße,</p>\n<p>Ada</p>", "")
    assert show(login, uid, "--html", "--output", str(tmp_path / "a.html"))[:2] == (0, b"")
    assert (tmp_path / "a.html").read_bytes() == out
    code, out, err = show(
        login, login.append("INBOX", HAND_MADE["no MIME-Version"].replace(b"html", b"plain")), "--html"
    )
    assert (code, out) == (1, b"")
    assert "has no html text" in err


def test_no_file_is_replaced(dovecot_login: Login, show: Any, tmp_path: Path) -> None:
    uid = dovecot_login.append("INBOX", LETTER)
    (tmp_path / "there").write_bytes(b"precious")
    (tmp_path / "link").symlink_to(tmp_path / "nowhere")
    for name in ("there", "link", ""):
        code, out, err = show(dovecot_login, uid, "--raw", "-o", str(tmp_path / name))
        assert (code, out) == (1, b"")
        assert "is there already; it was not replaced" in err
    assert (tmp_path / "there").read_bytes() == b"precious"
    assert not (tmp_path / "nowhere").exists()
    code, _, err = show(dovecot_login, uid, "--raw", "-o", str(tmp_path / "no" / "such" / "folder"))
    assert code == 1
    assert len(err.splitlines()) == 1


@pytest.mark.parametrize("options", [[], ["--headers"], ["--raw"], ["--html"], ["--part", "1"], ["--part", "3"]])
def test_no_mail_moves_a_terminal(
    dovecot_login: Login, on_terminal: Callable[..., Terminal], options: list[str]
) -> None:
    uid = dovecot_login.append("INBOX", HOSTILE.replace(b"\0", b""))
    terminal = on_terminal(dovecot_login, uid, *options, "--no-pager", NO_COLOR="1", COLUMNS="300")
    assert terminal.wait() == 0
    left = re.sub(r"\x1b\[[012]?m", "", terminal.written.replace("\r\n", "\n"))
    assert not _FORBIDDEN.search(left)
    assert "owned" in left or options[:1] == ["--raw"]


def test_what_is_piped_moves_no_terminal_either(dovecot_login: Login, show: Any) -> None:
    # A pager may be behind the pipe.
    uid = dovecot_login.append("INBOX", HOSTILE)
    for options in ([], ["--headers"], ["--json"]):
        code, out, _ = show(dovecot_login, uid, *options)
        assert code == 0
        assert not _FORBIDDEN.search(out.decode())
    lines = show(dovecot_login, uid)[1].decode().splitlines()
    assert {"first", "over", "written"} <= set(lines)
    assert any(line.endswith("abc") or "\ta tab" in line for line in lines)


def test_a_terminal_gets_no_binary(dovecot_login: Login, on_terminal: Callable[..., Terminal], tmp_path: Path) -> None:
    uid = dovecot_login.append("INBOX", LETTER)
    terminal = on_terminal(dovecot_login, uid, "--part", "2")
    assert terminal.wait() == 1
    assert "part 2 is application/octet-stream, nothing for a terminal" in terminal.text
    assert len(terminal.text) < 200
    terminal = on_terminal(dovecot_login, uid, "--part", "3")
    assert terminal.wait() == 0
    assert terminal.text.splitlines()[:2] == ["a,b", "1,2"]
    terminal = on_terminal(dovecot_login, uid, "--part", "2", "-o", str(tmp_path / "b"))
    assert terminal.wait() == 0
    assert (tmp_path / "b").read_bytes() == BINARY


def test_long_lines_go_on_between_words(dovecot_login: Login, on_terminal: Callable[..., Terminal]) -> None:
    words = " ".join(f"word{number}" for number in range(100))
    uid = dovecot_login.append("INBOX", b"Subject: long\r\n\r\n" + words.encode() + b"\r\n")
    terminal = on_terminal(dovecot_login, uid)
    assert terminal.wait() == 0
    lines = terminal.text.splitlines()
    assert max(map(len, lines)) <= 100
    assert words in " ".join(" ".join(lines).split())


def test_a_long_message_is_paged(dovecot_login: Login, on_terminal: Callable[..., Terminal]) -> None:
    uid = dovecot_login.append("INBOX", b"Subject: long\r\n\r\n" + b"line\r\n" * 100)
    terminal = on_terminal(dovecot_login, uid, PAGER="echo paged; cat")
    assert terminal.wait() == 0
    assert terminal.text.splitlines()[0] == "paged"


def test_unread_mail_stays_unread(dovecot_login: Login, show: Any) -> None:
    uid = dovecot_login.append("INBOX", LETTER)
    for options in ([], ["--raw"], ["--html"], ["--part", "2"], ["--json", "--headers"]):
        assert show(dovecot_login, uid, *options)[0] == 0
    with dovecot_login.imaplib() as client:
        client.select("INBOX", readonly=True)
        assert client.search(None, "UNSEEN")[1] == [b"1"]
