"""`imapdb export`: messages as files, octet for octet, and as an mbox that others read."""

from __future__ import annotations

import contextlib
import errno
import io
import mailbox
import os
import re
import resource
import subprocess
import sys
import tracemalloc
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imapdb.cli import run
from imapdb.cli.eml import stem
from imapdb.cli.files import new_file
from imapdb.cli.mbox import entry
from imapdb.errors import ProgrammingError
from tests.kit.nasty import HAND_MADE, appendable
from tests.kit.proxy import Proxy
from tests.kit.terminal import Terminal

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from tests.kit.login import Login

CLI = str(Path(__file__).parent.parent / "cli.py")
WHEN = datetime(2024, 2, 29, 22, 30, tzinfo=UTC)
FROM_LINES = (
    b"From one\r\n>From two\r\n>>From three\r\nfrom four\r\n From five\r\nFrom: six\r\n\r\nFrom \r\n>From seven"
)
PLAIN = b"From: ada@example.org\r\nSubject: plain\r\n\r\nhello\r\n"

Ran = Any


@pytest.fixture(autouse=True)
def _places(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("CONFIG", "STATE", "CACHE"):
        monkeypatch.setenv(f"XDG_{name}_HOME", str(tmp_path / name))
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def export(
    monkeypatch: pytest.MonkeyPatch, capfdbinary: pytest.CaptureFixture[bytes]
) -> Callable[..., tuple[int, bytes, str]]:
    """Run `imapdb export` on INBOX; give its exit code and what it wrote."""

    def ran(login: Login, *options: str, table: str = "INBOX") -> tuple[int, bytes, str]:
        monkeypatch.setenv("IMAPDB_URL", login.url(tls="none"))
        code = run(["export", table, *options])
        out, err = capfdbinary.readouterr()
        return code, out, err.decode()

    return ran


def read_mbox(path: Path) -> list[tuple[str, bytes]]:
    """Read an mbox as Python does: each From line without its word, and the message with its `>` taken back."""
    with contextlib.closing(mailbox.mbox(path, create=False)) as box:
        lines = [box.get_file(key, from_=True).readline().decode() for key in box.iterkeys()]
        messages = [_unquoted(box.get_bytes(key)) for key in box.iterkeys()]
    return [(line.removeprefix("From ").rstrip("\n"), message) for line, message in zip(lines, messages, strict=True)]


def _unquoted(octets: bytes) -> bytes:
    return re.sub(rb"^>(>*From )", rb"\1", octets, flags=re.MULTILINE)


def in_mbox(message: bytes) -> bytes:
    """Give a message as an mbox holds it: with LF, one at its end at least."""
    text = message.replace(b"\r\n", b"\n")
    return text if text.endswith(b"\n") else text + b"\n"


# One file for each.


def test_every_message_octet_for_octet(login: Login, export: Ran, tmp_path: Path) -> None:
    messages = [
        PLAIN,
        PLAIN.replace(b"plain", b"=?utf-8?Q?Gr=C3=BC=C3=9Fe/=22x=22?="),
        PLAIN[:-2] + FROM_LINES + b"\r\n",
    ]
    uids = login.append_all("INBOX", messages)
    code, out, err = export(login, "--eml", "new/folder")
    assert (code, err) == (0, "")
    assert out.decode() == f"3 messages exported to new/folder, {sum(map(len, messages))} octets\n"
    names = [f"{uids[0]} plain.eml", f"{uids[1]} Grüße__x_.eml", f"{uids[2]} plain.eml"]
    written = {path.name: path.read_bytes() for path in (tmp_path / "new" / "folder").iterdir()}
    assert written == dict(zip(names, messages, strict=True))


def test_odd_mail_octet_for_octet(dovecot_login: Login, export: Ran, tmp_path: Path) -> None:
    messages = dict(enumerate(map(appendable, HAND_MADE.values()), start=1))
    assert dovecot_login.append_all("INBOX", messages.values()) == [*messages]
    code, out, err = export(dovecot_login, "--eml", "folder")
    assert (code, err) == (0, "")
    assert out.startswith(f"{len(messages)} messages exported to folder, ".encode())
    written = {int(path.name.split()[0].split(".")[0]): path.read_bytes() for path in (tmp_path / "folder").iterdir()}
    assert written == messages


@pytest.mark.parametrize(
    ("subject", "name"),
    [
        (None, "7"),
        ("", "7"),
        ("Re: Übergabe?", "7 Re_ Übergabe_"),
        ("../../etc/passwd", "7 .._.._etc_passwd"),
        ("..\\..\\x", "7 .._.._x"),
        ("a\r\nb\0c\x1b[2J\u202ed", "7 a bc[2Jd"),
        ("x" * 200, "7 " + "x" * 78),
        ("日本" * 60, "7 " + "日本" * 33),
        ("ends with dots...", "7 ends with dots"),
        ("\ud800", "7"),
    ],
)
def test_how_a_file_is_named(subject: str | None, name: str) -> None:
    assert stem(7, subject) == name


def test_all_mailboxes(dovecot_login: Login, export: Ran, tmp_path: Path) -> None:
    dovecot_login.append("INBOX", PLAIN)
    for number, name in enumerate(("Archive/2024", "Archive_2024")):
        dovecot_login.create(name)
        dovecot_login.append(name, PLAIN.replace(b"hello", b"%d" % number))
    assert export(dovecot_login, "--eml", "folder", table="messages")[0] == 0
    written = {path.name: path.read_bytes()[-3:-2] for path in (tmp_path / "folder").iterdir()}
    assert written == {
        "INBOX 1 plain.eml": b"o", "Archive_2024 1 plain.eml": b"0", "Archive_2024 1 plain (2).eml": b"1",
    }  # fmt: skip


def test_files_are_replaced_by_force_only(dovecot_login: Login, export: Ran, tmp_path: Path) -> None:
    folder, outside = tmp_path / "folder", tmp_path / "outside"
    folder.mkdir()
    outside.write_bytes(b"precious")
    dovecot_login.append_all("INBOX", [PLAIN, PLAIN, PLAIN])
    (folder / "1 plain.eml").write_bytes(b"mine")
    (folder / "3 plain.eml").symlink_to(outside)
    code, out, err = export(dovecot_login, "--eml", "folder")
    assert (code, out) == (1, f"1 message exported to folder, {len(PLAIN)} octets, 2 failed\n".encode())
    assert err.splitlines() == [
        f"imapdb: folder/{uid} plain.eml is there already; it was not replaced" for uid in (1, 3)
    ]
    assert (folder / "1 plain.eml").read_bytes() == b"mine"
    code, out, err = export(dovecot_login, "--eml", "folder", "--force")
    assert (code, err) == (0, "")
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == {
        f"{uid} plain.eml": PLAIN for uid in (1, 2, 3)
    }
    assert outside.read_bytes() == b"precious"


@pytest.mark.parametrize(
    ("options", "uids"),
    [
        ("--limit 2", {3, 4}),
        ("--limit 2 --reverse", {1, 2}),
        ("--limit 1 --order size", {2}),
        ("--limit 2 --order -subject", {1, 3}),
        ("--subject plain --uid 2:3", {3}),
        ("--where size>1000 --where uid<4", set()),
        ("--any --uid 1 --subject b", {1, 2}),
    ],
)
def test_choosing(dovecot_login: Login, export: Ran, options: str, uids: set[int], tmp_path: Path) -> None:
    for number, subject in enumerate((b"plain", b"b", b"plain", b"a" * 40)):
        created = WHEN.replace(hour=number)
        dovecot_login.append("INBOX", PLAIN.replace(b"plain", subject), created=created)
    assert export(dovecot_login, *options.split(), "--eml", "folder")[0] == 0
    assert {int(path.name.split()[0]) for path in (tmp_path / "folder").iterdir()} == uids


# One mbox for all.


def test_an_mbox_is_read_back(login: Login, export: Ran, tmp_path: Path) -> None:
    messages = [
        PLAIN,
        PLAIN + b"\r\n\r\n" + FROM_LINES + b"\r\n",
        PLAIN.replace(b"ada@example.org", b"Ada <ada.l@example.net>, x@y.z"),
        PLAIN.replace(b"From: ada@example.org\r\n", b""),
        PLAIN + b"\r\n\r\n",
    ]
    for message in messages:
        login.append("INBOX", message, created=WHEN)
    code, out, err = export(login, "--mbox", "all.mbox")
    assert (code, err) == (0, "")
    assert out.decode() == f"5 messages exported to all.mbox, {sum(map(len, messages))} octets\n"
    when = "Thu Feb 29 22:30:00 2024"
    senders = ["ada@example.org", "ada@example.org", "ada.l@example.net", "MAILER-DAEMON", "ada@example.org"]
    assert read_mbox(tmp_path / "all.mbox") == [
        (f"{sender} {when}", in_mbox(message)) for sender, message in zip(senders, messages, strict=True)
    ]
    assert [path.name for path in tmp_path.iterdir()] == ["all.mbox"]


def test_odd_mail_in_an_mbox(dovecot_login: Login, export: Ran, tmp_path: Path) -> None:
    messages = [*map(appendable, HAND_MADE.values())]
    dovecot_login.append_all("INBOX", messages)
    code, _, err = export(dovecot_login, "--mbox", "all.mbox")
    assert (code, err) == (0, "")
    assert [message for _, message in read_mbox(tmp_path / "all.mbox")] == [*map(in_mbox, messages)]


_LINES = st.sampled_from([b"From ", b">From x", b">>From ", b"", b"text", b"From:", b" From ", b"\r", b"Fro", b"\xff"])
_ENDS = st.sampled_from([b"\n", b"\r\n", b"\r", b"\n\n", b""])


@given(st.lists(st.builds(bytes.__add__, _LINES, _ENDS), max_size=8).map(b"".join) | st.binary(max_size=50))
def test_quoting_can_be_taken_back(message: bytes) -> None:
    written = entry(message, "ada@example.org", "2024-02-29 22:30:00")
    head, _, rest = written.partition(b"\n")
    assert head == b"From ada@example.org Thu Feb 29 22:30:00 2024"
    assert not re.search(rb"^From ", rest, re.MULTILINE)
    assert rest.endswith(b"\n")
    assert _unquoted(rest).removesuffix(b"\n") == (in_mbox(message) if message else b"")


@pytest.mark.parametrize(
    ("sender", "created", "line"),
    [
        ("a@b", "2024-06-01 00:00:00", b"From a@b Sat Jun  1 00:00:00 2024"),
        (None, None, b"From MAILER-DAEMON Thu Jan  1 00:00:00 1970"),
        ("", "nonsense", b"From MAILER-DAEMON Thu Jan  1 00:00:00 1970"),
        ("a b@c", "2024-06-01 00:00:00", b"From MAILER-DAEMON Sat Jun  1 00:00:00 2024"),
        ("a@b\nFrom x", "2024-06-01 00:00:00", b"From MAILER-DAEMON Sat Jun  1 00:00:00 2024"),
        ("ü@b", "0999-06-01 00:00:00", b"From MAILER-DAEMON Sat Jun  1 00:00:00 999"),
    ],
)
def test_the_from_line(sender: str | None, created: str | None, line: bytes) -> None:
    assert entry(b"x\n", sender, created).splitlines()[0] == line


def test_an_mbox_is_replaced_by_force_only(dovecot_login: Login, export: Ran, tmp_path: Path) -> None:
    dovecot_login.append("INBOX", PLAIN)
    box = tmp_path / "box"
    box.write_bytes(b"mine")
    code, out, err = export(dovecot_login, "--mbox", "box")
    assert (code, out, err) == (1, b"", "imapdb: box is there already; it was not replaced\n")
    assert box.read_bytes() == b"mine"
    assert export(dovecot_login, "--mbox", "box", "--force")[0] == 0
    assert len(read_mbox(box)) == 1


@pytest.mark.parametrize("has_links", [True, False])
def test_a_name_that_is_taken_meanwhile(has_links: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(path: Path, target: Path) -> None:
        # As FAT and some shares do.
        raise PermissionError(errno.EPERM, "Operation not permitted", str(path))

    if not has_links:
        monkeypatch.setattr(Path, "hardlink_to", refuse)
    with pytest.raises(ProgrammingError, match="is there already"), new_file(tmp_path / "a"):
        (tmp_path / "a").write_bytes(b"mine")
    with new_file(tmp_path / "b") as file:
        file.write(b"ours")
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == {"a": b"mine", "b": b"ours"}


def test_a_device_or_a_directory_is_never_replaced(dovecot_login: Login, export: Ran, tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    os.mkfifo(tmp_path / "fifo")
    for name in ("folder", "fifo"):
        code, out, err = export(dovecot_login, "--mbox", name, "--force")
        assert (code, out, err) == (1, b"", f"imapdb: {name} is no file; it was not replaced\n")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["fifo", "folder"]


def test_an_mbox_to_standard_output(dovecot_login: Login, export: Ran) -> None:
    dovecot_login.append("INBOX", PLAIN, created=WHEN)
    code, out, err = export(dovecot_login, "--mbox", "-")
    assert code == 0
    assert out == entry(PLAIN, "ada@example.org", "2024-02-29 22:30:00")
    assert err == f"1 message exported, {len(PLAIN)} octets\n"


def test_a_terminal_gets_no_mbox(dovecot_login: Login) -> None:
    command = [sys.executable, CLI, "export", "INBOX", "--mbox", "-"]
    with Terminal(command, {"IMAPDB_URL": dovecot_login.url()}) as terminal:
        assert terminal.wait() == 2
        assert "mail is nothing for a terminal" in terminal.text


def test_head_is_no_failure(dovecot_login: Login) -> None:
    dovecot_login.append_all("INBOX", [PLAIN + b"line\r\n" * 50_000] * 5)
    with subprocess.Popen(
        [sys.executable, CLI, "export", "INBOX", "--mbox", "-"],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=os.environ | {"IMAPDB_URL": dovecot_login.url()},
    ) as process:  # fmt: skip
        assert process.stdout is not None
        assert process.stderr is not None
        assert process.stdout.readline().startswith(b"From ")
        process.stdout.close()
        assert process.stderr.read() == b""
        assert process.wait(60) == 0


def test_a_connection_that_is_lost_leaves_no_half_mbox(dovecot_login: Login, export: Ran, tmp_path: Path) -> None:
    dovecot_login.append_all("INBOX", [PLAIN + b"line\r\n" * 50_000] * 5)
    with Proxy(dovecot_login.host, dovecot_login.port) as proxy:
        proxy.cut_after(800_000)
        code, out, err = export(dovecot_login.through(proxy), "--mbox", "box")
    assert (code, out) == (1, b"")
    assert len(err.splitlines()) == 1
    assert [*tmp_path.iterdir()] == []


@pytest.mark.parametrize("way", ["--eml", "--mbox"])
def test_a_disk_that_is_full(dovecot_login: Login, way: str, tmp_path: Path) -> None:
    dovecot_login.append_all("INBOX", [PLAIN, PLAIN + b"line\r\n" * 50_000])
    done = subprocess.run(
        [sys.executable, CLI, "export", "INBOX", way, "out"],
        env=os.environ | {"IMAPDB_URL": dovecot_login.url()}, capture_output=True, encoding="utf-8", check=False,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, 50_000)),
    )  # fmt: skip
    told = f"1 message exported to out, {len(PLAIN)} octets\n" if way == "--eml" else ""
    assert (done.returncode, done.stdout) == (1, told)
    assert len(done.stderr.splitlines()) == 1
    assert "File too large" in done.stderr
    left = [str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*") if path.is_file()]
    assert left == (["out/1 plain.eml"] if way == "--eml" else [])


@pytest.mark.parametrize("way", ["--eml", "--mbox"])
def test_interrupted(dovecot_login: Login, way: str, tmp_path: Path) -> None:
    dovecot_login.append_all("INBOX", [PLAIN + b"line\r\n" * 50_000] * 30)
    with Proxy(dovecot_login.host, dovecot_login.port, delay=0.3) as proxy:
        command = [sys.executable, CLI, "export", "INBOX", way, "out"]
        with Terminal(command, {"IMAPDB_URL": dovecot_login.through(proxy).url()}) as terminal:
            terminal.expect(" MB")
            terminal.send("\x03")
            assert terminal.wait(10) == 130
            assert "Traceback" not in terminal.text
    assert not [path for path in tmp_path.rglob("*") if path.is_file() and path.suffix != ".eml"]


def test_of_nothing(dovecot_login: Login, export: Ran, tmp_path: Path) -> None:
    assert export(dovecot_login, "--mbox", "box") == (0, b"0 messages exported to box, 0 octets\n", "")
    assert (tmp_path / "box").read_bytes() == b""
    assert export(dovecot_login, "--eml", "folder") == (0, b"0 messages exported to folder, 0 octets\n", "")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["No such box", "--mbox", "box"], "there is no mailbox 'No such box'"),
        (["INBOX", "--mbox", "box", "--where", "colour = 1"], "there is no column"),
        (["INBOX", "--eml", "folder", "--where", "colour = 1"], "there is no column"),
        (["INBOX", "--mbox", "no/such/folder"], "No such file"),
    ],
)
def test_what_is_not_there(
    dovecot_login: Login, export: Ran, arguments: Sequence[str], said: str, tmp_path: Path
) -> None:
    code, out, err = export(dovecot_login, *arguments[1:], table=arguments[0])
    assert (code, out) == (1, b"")
    assert len(err.splitlines()) == 1
    assert said in err
    assert [*tmp_path.iterdir()] == []


# How it is asked for.


def test_few_commands_for_many_messages(dovecot_login: Login, export: Ran) -> None:
    dovecot_login.append_all("INBOX", [PLAIN] * 600)
    with Proxy(dovecot_login.host, dovecot_login.port) as proxy:
        assert export(dovecot_login.through(proxy), "--mbox", "box")[0] == 0
        assert len([command for command in proxy.commands if "SEARCH" in command]) <= 1
        assert len([command for command in proxy.commands if "BODY.PEEK[]" in command]) <= 10
        assert proxy.connections <= 2


@pytest.mark.parametrize("way", ["--eml", "--mbox"])
def test_memory_is_that_of_a_few_messages(dovecot_login: Login, export: Ran, way: str) -> None:
    dovecot_login.append_all("INBOX", [PLAIN + b"x" * 70 * 1000 + b"\r\n"] * 600)
    tracemalloc.start()
    try:
        assert export(dovecot_login, way, "out")[0] == 0
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 15_000_000


def test_a_bar_shows_how_far_it_has_come(dovecot_login: Login, tmp_path: Path) -> None:
    dovecot_login.append_all("INBOX", [PLAIN + b"line\r\n" * 50_000] * 12)
    with Proxy(dovecot_login.host, dovecot_login.port, delay=0.25) as proxy:
        command = [sys.executable, CLI, "export", "INBOX", "--mbox", str(tmp_path / "box")]
        with Terminal(command, {"IMAPDB_URL": dovecot_login.through(proxy).url()}) as terminal:
            terminal.expect("/3.6 MB")
            assert terminal.wait() == 0
            assert "12 messages exported" in terminal.written.rpartition("\x1b[2K")[2]


def test_unread_mail_stays_unread(dovecot_login: Login, export: Ran) -> None:
    dovecot_login.append("INBOX", PLAIN)
    assert export(dovecot_login, "--eml", "folder")[0] == 0
    with dovecot_login.imaplib() as client:
        client.select("INBOX", readonly=True)
        assert client.search(None, "UNSEEN")[1] == [b"1"]


def test_an_mbox_holds_every_message_of_several_mailboxes(dovecot_login: Login, export: Ran) -> None:
    dovecot_login.append("INBOX", PLAIN)
    dovecot_login.create("Zoo")
    dovecot_login.append("Zoo", PLAIN.replace(b"hello", b"last"))
    code, out, _ = export(dovecot_login, "--mbox", "-", table="messages")
    assert code == 0
    assert [line for line in io.BytesIO(out) if line in (b"hello\n", b"last\n")] == [b"hello\n", b"last\n"]
