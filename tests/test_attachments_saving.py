"""Where attachments are saved: inside of the directory, under a name of their own, or nowhere."""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import imapdb
from imapdb import errors
from imapdb.saving import Folder
from tests.kit.attached import letter, named

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.kit.servers import Login

NASTY = [
    "../../etc/passwd\0.txt",
    "../../etc/passwd",
    "/etc/passwd",
    "..",
    ".",
    "...",
    "",
    " ",
    "\0",
    "\r\n",
    "a\r\nb.txt",
    "C:\\..\\..\\windows\\system32\\evil.dll",
    "C:evil.txt",
    "\\\\server\\share\\evil.txt",
    "..\\..\\evil.txt",
    "CON",
    "con.txt",
    "aux.txt",
    "NUL",
    "COM1",
    "LPT9.zip",
    "com\u00b9.txt",
    "~",
    "~root/.ssh/authorized_keys",
    ".bashrc",
    ".ssh/authorized_keys",
    "-rf",
    "--help.txt",
    "photo\u202egpj.exe",
    "\u200b\u200b",
    "\ufeffa.txt",
    "a" * 5000 + ".txt",
    "\U0001f600" * 300 + ".png",
    "a." + "b" * 500,
    "a.txt.",
    "a.txt   ",
    "a:b.txt",
    "file.txt::$DATA",
    'a<b>c|d?e*f"g.txt',
    "\uff0e\uff0e\uff0fetc\uff0fpasswd",
    "\u2215etc\u2215passwd",
    "\ud800.txt",
    "%2e%2e%2fpasswd",
    "A.TXT",
    "a.txt",
    "link.txt",
    "dangling.txt",
    "folder",
    "\u0041\u0301.txt",
    "\u00c1.txt",
    "x" * 199 + "\u00e9.txt",
]  # fmt: skip


@pytest.fixture
def outside(tmp_path: Path) -> Iterator[Path]:
    """A directory with traps in it, inside of another one that must not change."""
    victim = tmp_path / "victim.txt"
    victim.write_text("untouched")
    directory = tmp_path / "down" / "here"
    directory.mkdir(parents=True)
    (directory / "link.txt").symlink_to(victim)
    (directory / "dangling.txt").symlink_to(tmp_path / "made.txt")
    (directory / "folder").mkdir()
    yield directory
    assert victim.read_text() == "untouched"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["down", "victim.txt"]
    assert [path.name for path in directory.parent.iterdir()] == ["here"]
    assert list((directory / "folder").iterdir()) == []
    assert list(directory.glob("*.part")) == []


def test_nasty_names_stay_in_the_directory(login: Login, outside: Path) -> None:
    login.append("INBOX", letter(*(named(name, f"{number}".encode()) for number, name in enumerate(NASTY))))
    before = set(outside.iterdir())
    with imapdb.connect(login.url()) as db:
        (message,) = db(db.INBOX).select()
        paths = message.attachments.save(outside)
    assert len(paths) == len(set(paths)) == len(NASTY)
    assert set(outside.iterdir()) == {*paths, *before}
    # No two are the same on a file system that knows no case.
    assert len({path.name.casefold() for path in (*paths, *before)}) == len(NASTY) + len(before)
    for number, path in enumerate(paths):
        assert path.parent == outside
        assert stat.S_ISREG(path.lstat().st_mode)
        assert path.read_bytes() == f"{number}".encode()
        assert len(os.fsencode(path.name)) <= 255
        assert path.name.isprintable()
        assert not path.name.startswith((".", "-", "~"))
    if login.server.name == "dovecot":
        names = [path.name for path in paths]
        assert names[:4] == ["passwd .txt", "passwd", "passwd (2)", "part-5.bin"]
        assert {"_CON", "_con.txt", "_aux.txt", "_NUL", "_COM1", "_LPT9.zip"} <= set(names)
        assert {"link (2).txt", "dangling (2).txt", "folder (2)", "photogpj.exe"} <= set(names)


def test_the_same_name_again_gets_a_number(
    dovecot_login: Login, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    dovecot_login.append("INBOX", letter(named("a.txt"), named("A.TXT"), named("b.txt")))
    with imapdb.connect(dovecot_login.url()) as db:
        (message,) = db(db.INBOX).select()
        for _ in range(2):
            message.attachments.save(str(tmp_path))
        third = message.attachments[2]
        assert third.save(tmp_path, name="a.txt") == tmp_path / "a (5).txt"
        assert third.save(os.fspath(tmp_path), name="c.txt") == tmp_path / "c.txt"
        for name in ("../c.txt", "a/b", "", ".", "..", "CON", "a\0b", ".hidden", "-x", "a" * 300):
            with pytest.raises(errors.ProgrammingError, match="not a safe name"):
                third.save(tmp_path, name=name)
        with pytest.raises(FileNotFoundError):
            third.save(tmp_path / "nowhere")
        with pytest.raises(NotADirectoryError):
            third.save(tmp_path / "c.txt")
        monkeypatch.chdir(tmp_path)
        assert third.save(".", name="d.txt") == Path("d.txt")
    names = sorted(path.name for path in tmp_path.iterdir())
    assert names == [
        "A (2).TXT", "A (4).TXT", "a (3).txt", "a (5).txt", "a.txt", "b (2).txt", "b.txt", "c.txt", "d.txt",
    ]  # fmt: skip


def test_files_are_made_as_any_other(tmp_path: Path) -> None:
    before = os.umask(0o027)
    try:
        with Folder(tmp_path) as folder:
            path = folder.save("a.sh", [b"#!/bin/sh\n", b"", b"true\n"])
    finally:
        os.umask(before)
    assert path.read_bytes() == b"#!/bin/sh\ntrue\n"
    assert stat.S_IMODE(path.stat().st_mode) == 0o640
    assert path.stat().st_nlink == 1
    with pytest.raises(errors.InterfaceError, match="with block"):
        folder.save("b", [])


def test_a_directory_that_moves_is_written_to_where_it_is(tmp_path: Path) -> None:
    here, there = tmp_path / "here", tmp_path / "there"
    here.mkdir()
    with Folder(here) as folder:
        here.rename(there)
        here.symlink_to(tmp_path)
        folder.save("a.txt", [b"octets"])
    assert [path.name for path in there.iterdir()] == ["a.txt"]
    assert not (tmp_path / "a.txt").exists()


def test_a_name_that_is_taken_meanwhile_is_left_alone(tmp_path: Path) -> None:
    def pieces() -> Iterator[bytes]:
        yield b"ours"
        (tmp_path / "a.txt").write_text("theirs")
        (tmp_path / "a (2).txt").symlink_to("/etc/passwd")

    with Folder(tmp_path) as folder:
        assert folder.save("a.txt", pieces()) == tmp_path / "a (3).txt"
    assert (tmp_path / "a.txt").read_text() == "theirs"
    assert (tmp_path / "a (3).txt").read_bytes() == b"ours"


@pytest.mark.parametrize("error", [OSError(errno.ENOSPC, "full"), KeyboardInterrupt(), errors.ConnectionLost("cut")])
def test_what_goes_wrong_leaves_no_file(tmp_path: Path, error: BaseException) -> None:
    def pieces() -> Iterator[bytes]:
        yield b"octets"
        raise error

    with Folder(tmp_path) as folder, pytest.raises(type(error)):
        folder.save("a.txt", pieces())
    assert list(tmp_path.iterdir()) == []


def test_a_file_system_without_links(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def link(*_: object, **__: object) -> None:
        raise OSError(errno.EPERM, "no links here")

    monkeypatch.setattr(os, "link", link)
    (tmp_path / "a.txt").symlink_to(tmp_path / "elsewhere")
    with Folder(tmp_path) as folder:
        # Taken after the directory was listed.
        (tmp_path / "b.txt").write_text("theirs")
        paths = [folder.save(name, [name.encode()]) for name in ("a.txt", "b.txt", "c.txt")]
    assert [path.name for path in paths] == ["a (2).txt", "b (2).txt", "c.txt"]
    assert [path.read_text() for path in paths] == ["a.txt", "b.txt", "c.txt"]
    assert len(list(tmp_path.iterdir())) == 5
