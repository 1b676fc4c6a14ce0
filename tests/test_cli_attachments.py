"""`imapdb attachments`: listed, chosen, and saved under names nobody has to fear."""

from __future__ import annotations

import base64
import csv
import io
import json
import os
import random
import re
import resource
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest

import imapdb
from imapdb.cli import run
from imapdb.cli.found import Found
from imapdb.cli.saving import Saved, save
from imapdb.cli.sizes import counted, human
from imapdb.cli.wanted import Sizes, Wanted
from tests.kit.proxy import Proxy
from tests.kit.terminal import Terminal

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from tests.kit.login import Login

CLI = str(Path(__file__).parent.parent / "cli.py")
BINARY = random.Random(7).randbytes(150_000)
PDF = b"%PDF-1.4\n" + bytes(range(256)) * 20

NASTY_NAMES = (
    "../../../etc/passwd", "..\\..\\windows\\system.ini", "/etc/shadow", "C:\\autoexec.bat", "..", ".", "", " ",
    ".bashrc", "-rf", "~root", "nul", "COM1.txt", "a\0b.txt", "a\x1b[2J.txt", "invoice\u202efdp.exe", "a\r\nb.txt",
    "x" * 5000 + ".pdf", "ünïcödé 日本語.txt", "a/../../b.txt", 'quote".txt', "a:b|c?d*e<f>.txt", "same.txt",
    "same.txt", "SAME.TXT", "trailing. . ", "\u2028\u2029", "\ud7ff\uffff", "a\tb.txt", "con .txt",
    "$(touch owned).sh", "%2e%2e%2fx",
)  # fmt: skip


@pytest.fixture(autouse=True)
def _places(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("CONFIG", "STATE", "CACHE"):
        monkeypatch.setenv(f"XDG_{name}_HOME", str(tmp_path / name))
    monkeypatch.setenv("PAGER", "cat")
    monkeypatch.chdir(tmp_path)


class File(NamedTuple):
    """An attachment of a message that is made; its name as RFC 2231 has it."""

    name: str | None
    octets: bytes
    content_type: str = "application/octet-stream"


def letter(*files: File, sender: str = "ada@example.org", subject: str = "files") -> bytes:
    lines = [f"From: {sender}", f"Subject: {subject}", "MIME-Version: 1.0"]
    lines += ['Content-Type: multipart/mixed; boundary="=b"', "", "--=b", "", "the text"]
    for file in files:
        disposition = "attachment"
        if file.name is not None:
            coded = "".join(f"%{octet:02X}" for octet in file.name.encode("utf-8", "surrogatepass"))
            coded = f"utf-8''{coded}"
            pieces = [coded[start : start + 600] for start in range(0, len(coded), 600)]
            disposition += "".join(f";\r\n filename*{number}*={piece}" for number, piece in enumerate(pieces))
        lines += ["--=b", f"Content-Type: {file.content_type}", "Content-Transfer-Encoding: base64"]
        lines += [f"Content-Disposition: {disposition}", ""]
        # An empty one has an empty line, or pymap takes the boundary for what is in it.
        lines += base64.encodebytes(file.octets).decode().splitlines() or [""]
    return "\r\n".join([*lines, "--=b--", ""]).encode()


@pytest.fixture
def attachments(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> Callable[..., tuple[int, str, str]]:
    """Run `imapdb attachments` on INBOX; give its exit code and what it wrote."""

    def ran(login: Login, *options: str, mailbox: str = "INBOX") -> tuple[int, str, str]:
        monkeypatch.setenv("IMAPDB_URL", login.url(tls="none"))
        code = run(["attachments", mailbox, *options])
        out, err = capfd.readouterr()
        return code, out, err

    return ran


Ran = Any


@pytest.fixture
def filled(dovecot_login: Login) -> Login:
    """Give an account with three messages that have attachments, and one that has none."""
    dovecot_login.append(
        "INBOX", letter(File("Rechnung.PDF", PDF, "application/pdf"), File("photo.png", BINARY, "image/png"))
    )
    dovecot_login.append("INBOX", letter(File("photo.png", BINARY[:5000], "image/png"), sender="greta@example.org"))
    dovecot_login.append("INBOX", b"From: bob@example.org\r\nSubject: none\r\n\r\nnothing\r\n")
    dovecot_login.append("INBOX", letter(File(None, b"x", "application/pdf"), sender="bob@example.org"))
    return dovecot_login


def names(answer: tuple[int, str, str]) -> list[tuple[int, str]]:
    """Read uids and file names off tab-separated lines, by uid and part."""
    code, out, err = answer
    assert (code, err) == (0, "")
    rows = sorted(line.split("\t") for line in out.splitlines())
    assert all(len(row) == 6 for row in rows)
    return [(int(row[1]), row[3]) for row in rows]


def test_listing(login: Login, attachments: Ran) -> None:
    uid = login.append("INBOX", letter(File("Zürich.bin", BINARY), File("a.pdf", PDF, "Application/PDF")))
    code, out, err = attachments(login, "--json")
    assert (code, err) == (0, "")
    rows = json.loads(out)
    # What is reckoned from base64 may be a little more.
    assert [len(BINARY) <= rows[0].pop("size") <= 1.05 * len(BINARY), rows[1].pop("size") >= len(PDF)] == [True, True]
    assert rows == [
        {
            "mailbox": "INBOX",
            "uid": uid,
            "part": "2",
            "filename": "Zürich.bin",
            "content_type": "application/octet-stream",
        },
        {"mailbox": "INBOX", "uid": uid, "part": "3", "filename": "a.pdf", "content_type": "application/pdf"},
    ]


@pytest.mark.parametrize(
    ("options", "found"),
    [
        ("", [(1, "Rechnung.PDF"), (1, "photo.png"), (2, "photo.png"), (4, "")]),
        ("--name *.pdf", [(1, "Rechnung.PDF"), (4, "")]),
        ("--name PHOTO.*", [(1, "photo.png"), (2, "photo.png")]),
        ("--name *.pdf --name photo.???", [(1, "Rechnung.PDF"), (1, "photo.png"), (2, "photo.png"), (4, "")]),
        ("--name photo", []),
        ("--type image/*", [(1, "photo.png"), (2, "photo.png")]),
        ("--type IMAGE", [(1, "photo.png"), (2, "photo.png")]),
        ("--type application/pdf --type text/*", [(1, "Rechnung.PDF"), (4, "")]),
        ("--type image --name *.pdf", []),
        ("--larger 100kB", [(1, "photo.png")]),
        ("--larger 3000", [(1, "Rechnung.PDF"), (1, "photo.png"), (2, "photo.png")]),
        ("--smaller 3000", [(4, "")]),
        ("--larger 3000 --smaller 100k", [(1, "Rechnung.PDF"), (2, "photo.png")]),
        ("--from greta", [(2, "photo.png")]),
        ("--from greta --from ada", []),
        ("--from greta --from ada --any", [(1, "Rechnung.PDF"), (1, "photo.png"), (2, "photo.png")]),
        ("--any --from greta --seen --larger 100k", []),
        ("--any --from greta --seen --larger 1k", [(2, "photo.png")]),
        ("--uid 2:3", [(2, "photo.png")]),
        ("--where uid>3", [(4, "")]),
        ("--limit 2 --order uid", [(1, "Rechnung.PDF"), (1, "photo.png"), (2, "photo.png")]),
        ("--limit 1 --order uid --reverse", [(4, "")]),
        ("--not-from ada --unseen --text files", [(2, "photo.png"), (4, "")]),
    ],
)
def test_choosing(filled: Login, attachments: Ran, options: str, found: list[tuple[int, str]]) -> None:
    assert names(attachments(filled, *options.split())) == found


def test_the_server_looks_for_large_messages(filled: Login, attachments: Ran) -> None:
    with Proxy(filled.host, filled.port) as proxy:
        assert len(names(attachments(filled.through(proxy), "--larger", "100k"))) == 1
        searched, *fetched = [command for command in proxy.commands if command.startswith("UID ")]
    assert "LARGER 102400" in searched
    assert all(command.startswith("UID FETCH 1 (") for command in fetched)
    assert not [command for command in fetched if "BODY.PEEK" in command]


def test_all_mailboxes(filled: Login, attachments: Ran) -> None:
    filled.create("Archive")
    filled.append("Archive", letter(File("old.txt", b"old", "text/plain")))
    code, out, _ = attachments(filled, "--csv", "--name", "*.txt", mailbox="messages")
    assert code == 0
    (head, row) = csv.reader(io.StringIO(out))
    assert head == ["mailbox", "uid", "part", "filename", "content_type", "size"]
    assert row[:5] == ["Archive", "1", "2", "old.txt", "text/plain"]


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["No such box"], "there is no mailbox 'No such box'"),
        (["INBOX", "--where", "colour = 1"], "there is no column"),
        (["INBOX", "--where", "colour = 1", "--save", "x"], "there is no column"),
        (["INBOX", "--where", "colour = 1", "--csv"], "there is no column"),
    ],
)
def test_what_is_not_there(filled: Login, attachments: Ran, options: Sequence[str], said: str, tmp_path: Path) -> None:
    code, out, err = attachments(filled, *options[1:], mailbox=options[0])
    assert (code, out) == (1, "")
    assert len(err.splitlines()) == 1
    assert said in err
    assert not (tmp_path / "x").exists()


def test_saving(login: Login, attachments: Ran, tmp_path: Path) -> None:
    login.append("INBOX", letter(File("a.bin", BINARY), File("empty.txt", b"", "text/plain")))
    login.append("INBOX", letter(File("a.bin", PDF)))
    folder = tmp_path / "new" / "folder"
    code, out, err = attachments(login, "--order", "uid", "--save", str(folder))
    assert (code, err) == (0, "")
    assert out == f"3 attachments of 2 messages saved to {folder}, 155 kB\n"
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == {
        "a.bin": BINARY, "empty.txt": b"", "a (2).bin": PDF,
    }  # fmt: skip


def test_nothing_is_replaced(filled: Login, attachments: Ran, tmp_path: Path) -> None:
    folder, outside = tmp_path / "folder", tmp_path / "outside"
    folder.mkdir()
    outside.write_bytes(b"precious")
    (folder / "photo.png").symlink_to(outside)
    (folder / "Rechnung.PDF").write_bytes(b"mine")
    (folder / "photo (2).png").symlink_to(tmp_path / "nowhere")
    for saved in (4, 8):
        assert attachments(filled, "--save", str(folder))[0] == 0
        assert len([*folder.iterdir()]) == 3 + saved
    assert outside.read_bytes() == b"precious"
    assert (folder / "Rechnung.PDF").read_bytes() == b"mine"
    assert not (tmp_path / "nowhere").exists()
    assert {path.name for path in tmp_path.iterdir()} == {"folder", "outside"}


def test_nasty_names(login: Login, attachments: Ran, tmp_path: Path) -> None:
    contents = {f"file {number}".encode(): name for number, name in enumerate(NASTY_NAMES)}
    for content, name in contents.items():
        login.append("INBOX", letter(File(name, content)))
    folder = tmp_path / "folder"
    code, out, err = attachments(login, "--save", str(folder), "--json")
    assert code == 0
    assert re.fullmatch(
        rf"{len(contents)} attachments of {len(contents)} messages saved to {folder}, \d+ octets\n", err
    )
    rows = json.loads(out)
    paths = [Path(row["path"]) for row in rows]
    assert {path.parent for path in paths} == {folder}
    assert {path.read_bytes() for path in paths} == {*contents}
    assert [*tmp_path.iterdir()] == [folder]
    for path in folder.iterdir():
        assert path.is_file()
        assert path.name.isprintable()
        assert len(path.name.encode()) <= 220
        assert not re.search(r'[<>:"|?*\\]|\A[-~.]|[. ]\Z', path.name), path.name
    assert len({path.name.casefold() for path in paths}) == len(contents)


def test_nasty_names_on_a_terminal(dovecot_login: Login, tmp_path: Path) -> None:
    for name in NASTY_NAMES:
        dovecot_login.append("INBOX", letter(File(name, b"x")))
    environment = {"IMAPDB_URL": dovecot_login.url(), "PAGER": "cat", "NO_COLOR": "1"}
    for options in ([], ["--csv"], ["--json"], ["--save", "x", "--dry-run"]):
        command = [sys.executable, CLI, "attachments", "INBOX", *options]
        with Terminal(command, environment) as terminal:
            assert terminal.wait() == 0
            left = re.sub(r"\x1b\[[0-9;]*m", "", terminal.written.replace("\r\n", "\n"))
        assert not re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028-\u202e]", left)
        assert "passwd" in left
    assert not (tmp_path / "x").exists()


def test_a_dry_run_says_what_would_be_saved(filled: Login, attachments: Ran, tmp_path: Path) -> None:
    folder = tmp_path / "folder"
    code, planned, err = attachments(filled, "--save", str(folder), "--dry-run", "--json")
    assert code == 0
    assert re.fullmatch(rf"4 attachments of 3 messages would be saved to {folder}, 16\d kB\n", err)
    assert not folder.exists()
    code, saved, _ = attachments(filled, "--save", str(folder), "--json")
    assert (code, saved) == (0, planned)
    assert sorted(str(path) for path in folder.iterdir()) == sorted(row["path"] for row in json.loads(saved))


def test_a_directory_that_is_none(filled: Login, attachments: Ran, tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    code, out, err = attachments(filled, "--save", str(tmp_path / "file"))
    assert (code, out) == (2, "")
    assert "is no directory" in err
    code, out, err = attachments(filled, "--save", str(tmp_path / "file" / "below"))
    assert code == 1
    assert len(err.splitlines()) == 1


def test_nothing_to_save(filled: Login, attachments: Ran, tmp_path: Path) -> None:
    folder = tmp_path / "folder"
    assert attachments(filled, "--name", "nosuch", "--save", str(folder)) == (
        0, f"0 attachments of 0 messages saved to {folder}, 0 octets\n", "",
    )  # fmt: skip


def test_one_that_is_gone_fails_alone(filled: Login, capfd: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    with imapdb.connect(filled.url()) as db:
        found = [
            Found("INBOX", message.uid, dict(one))
            for message in db(db.INBOX).select(orderby=db.INBOX.uid)
            for one in message.attachments
        ]
        assert len(found) == 4
        with filled.imaplib() as client:
            client.select("INBOX")
            client.uid("STORE", "2", "+FLAGS", "(\\Deleted)")
            client.expunge()
        saved = Saved()
        save(db, found, tmp_path / "folder", saved)
    assert (sorted(saved.paths), saved.failed) == ([0, 1, 3], 1)
    (line,) = capfd.readouterr().err.splitlines()
    assert line.startswith("imapdb: part 2 of message 2 in INBOX (photo.png) was not saved: ")
    assert len([*(tmp_path / "folder").iterdir()]) == 3


def test_a_broken_one_is_saved_with_a_warning(dovecot_login: Login, attachments: Ran, tmp_path: Path) -> None:
    message = letter(File("a.bin", PDF)).replace(b"JVBE", b"J!VB")
    dovecot_login.append("INBOX", message)
    code, out, err = attachments(dovecot_login, "--save", str(tmp_path / "x"))
    assert code == 0
    assert out.startswith("1 attachment of 1 message saved")
    assert err.startswith("imapdb: warning: part 2 of message 1 in INBOX (a.bin): base64")


def test_a_connection_that_is_lost_leaves_no_half_file(filled: Login, attachments: Ran, tmp_path: Path) -> None:
    folder = tmp_path / "folder"
    with Proxy(filled.host, filled.port) as proxy:
        proxy.cut_after(100_000)
        code, out, err = attachments(filled.through(proxy), "--order", "uid", "--save", str(folder))
    assert code == 1
    assert re.fullmatch(rf"1 attachment of 1 message saved to {folder}, 5 kB\n", out)
    assert len(err.splitlines()) == 1
    assert [path.name for path in folder.iterdir()] == ["Rechnung.PDF"]


def test_a_connection_that_is_mended(filled: Login, attachments: Ran, tmp_path: Path) -> None:
    folder = tmp_path / "folder"
    with Proxy(filled.host, filled.port) as proxy:
        proxy.cut_after(100_000, once=True)
        code, out, err = attachments(filled.through(proxy), "--order", "uid", "--save", str(folder))
    assert (code, err) == (0, "")
    assert out.startswith("4 attachments of 3 messages saved")
    assert (folder / "photo.png").read_bytes() == BINARY


def test_one_session_is_enough(filled: Login, attachments: Ran, tmp_path: Path) -> None:
    with Proxy(filled.host, filled.port) as proxy:
        assert attachments(filled.through(proxy), "--save", str(tmp_path / "x"))[0] == 0
        assert proxy.connections == 1


def test_a_bar_shows_how_far_it_has_come(filled: Login, tmp_path: Path) -> None:
    with Proxy(filled.host, filled.port, delay=0.15) as proxy:
        environment = {"IMAPDB_URL": filled.through(proxy).url()}
        command = [sys.executable, CLI, "attachments", "INBOX", "--save", "x"]
        with Terminal(command, environment) as terminal:
            terminal.expect("kB")
            assert terminal.wait() == 0
            written = terminal.written
    assert "━" in written
    last = written.rpartition("\x1b[2K")[2]
    assert last.strip() == "4 attachments of 3 messages saved to x, 160 kB"
    assert len([*(tmp_path / "x").iterdir()]) == 4


def test_interrupted(filled: Login, tmp_path: Path) -> None:
    with Proxy(filled.host, filled.port, delay=0.15) as proxy:
        environment = {"IMAPDB_URL": filled.through(proxy).url()}
        command = [sys.executable, CLI, "attachments", "INBOX", "--order", "uid", "--save", "x"]
        with Terminal(command, environment) as terminal:
            terminal.expect("kB")
            terminal.send("\x03")
            assert terminal.wait(10) == 130
            assert "Traceback" not in terminal.text
            assert "saved to x" in terminal.text
    assert all(path.name in ("Rechnung.PDF", "photo.png") for path in (tmp_path / "x").iterdir())


def test_a_disk_that_is_full(filled: Login, tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, CLI, "attachments", "INBOX", "--order", "uid", "--save", "x"],
        env=os.environ | {"IMAPDB_URL": filled.url()}, capture_output=True, encoding="utf-8", check=False,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, 50_000)),
    )  # fmt: skip
    assert (done.returncode, done.stdout) == (1, "1 attachment of 1 message saved to x, 5 kB\n")
    assert len(done.stderr.splitlines()) == 1
    assert "File too large" in done.stderr
    assert [path.name for path in (tmp_path / "x").iterdir()] == ["Rechnung.PDF"]


def test_no_bar_where_nobody_sees_it(filled: Login) -> None:
    with Proxy(filled.host, filled.port, delay=0.15) as proxy:
        done = subprocess.run(
            [sys.executable, CLI, "attachments", "INBOX", "--save", "x"],
            env=os.environ | {"IMAPDB_URL": filled.through(proxy).url()}, capture_output=True, check=True,
        )  # fmt: skip
    assert done.stderr == b""


def test_unread_mail_stays_unread(filled: Login, attachments: Ran, tmp_path: Path) -> None:
    assert attachments(filled)[0] == 0
    assert attachments(filled, "--save", str(tmp_path / "x"))[0] == 0
    with filled.imaplib() as client:
        client.select("INBOX", readonly=True)
        assert client.search(None, "UNSEEN")[1] == [b"1 2 3 4"]


@pytest.mark.parametrize(
    ("octets", "written"),
    [
        (None, "size unknown"), (0, "0 octets"), (1, "1 octet"), (999, "999 octets"), (1000, "1 kB"), (34_400, "34 kB"),
        (1_250_000, "1.2 MB"), (34_500_000, "34.5 MB"), (7_000_000_000, "7.0 GB"), (9e15, "9,000.0 TB"),
    ],
)  # fmt: skip
def test_sizes_for_people(octets: int | None, written: str) -> None:
    assert human(octets) == written
    assert counted(1200, "message") == "1,200 messages"


def test_an_unknown_size_is_neither_large_nor_small() -> None:
    assert Sizes().takes(None)
    assert not Sizes(over=5).takes(None)
    assert not Sizes(under=5).takes(None)
    assert [Sizes(5, 7).takes(size) for size in (5, 6, 7)] == [False, True, False]


def test_names_however_they_are_spelt() -> None:
    assert Wanted(name=["Stra\u00dfe*"]).takes(["STRASSE 5.pdf"], "x/y")
    assert Wanted(name=["z\u00fcrich.*"]).takes(["Zu\u0308rich.pdf"], "x/y")
    assert not Wanted(name=["*.pdf"]).takes(["a.pdf.exe"], "application/pdf")
