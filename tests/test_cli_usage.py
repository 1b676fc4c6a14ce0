"""The command line itself: its help, its errors, where a password may come from. No server."""

from __future__ import annotations

import io
import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from typer.main import get_command

from imapdb.cli import app, login, run
from imapdb.errors import ProgrammingError

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parent.parent
COMMAND: Any = get_command(app)
# Nobody listens on port 1; the password must not be seen whatever happens.
NOWHERE = "imap://ada:s3cr3t@127.0.0.1:1/"


@pytest.fixture(autouse=True)
def _environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("IMAPDB_URL", "IMAPDB_PASSWORD"):
        monkeypatch.delenv(name, raising=False)
    for name in ("CONFIG", "STATE", "CACHE"):
        monkeypatch.setenv(f"XDG_{name}_HOME", str(tmp_path / name))
    monkeypatch.setattr(sys, "stdin", io.StringIO())


def test_the_commands() -> None:
    assert set(COMMAND.commands) == {
        "account", "attachments", "count", "demo", "explain", "export", "mailboxes", "query", "search", "shell", "show",
    }  # fmt: skip


def _leaves(command: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[str, Any]]:
    if not hasattr(command, "commands"):
        yield " ".join(path), command
        return
    for name, found in command.commands.items():
        yield from _leaves(found, (*path, name))


LEAVES = dict(_leaves(COMMAND))


@pytest.mark.parametrize("name", sorted(LEAVES))
def test_every_command_is_in_the_docs(name: str) -> None:
    pages = [ROOT / "README.md", *(ROOT / "docs").glob("**/*.md")]
    assert any(f"imapdb {name}" in page.read_text(encoding="utf-8") for page in pages)


@pytest.mark.parametrize("name", sorted(LEAVES))
def test_every_command_and_option_has_help(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    command = LEAVES[name]
    assert command.help
    assert command.short_help or " " in name
    assert run([*name.split(), "--help"]) == 0
    shown = capsys.readouterr().out
    assert "..." not in shown
    for parameter in command.params:
        if parameter.name == "help":
            continue
        assert parameter.help, parameter.name
        assert parameter.help.endswith("."), parameter.name
        for option in (*parameter.opts, *parameter.secondary_opts):
            if option.startswith("-"):
                assert option in shown


def test_help_names_all_commands(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["--help"]) == 0
    shown = capsys.readouterr().out
    for name, command in COMMAND.commands.items():
        assert name in shown
        assert command.short_help in shown


def test_no_command_shows_the_help_and_is_wrong(capsys: pytest.CaptureFixture[str]) -> None:
    assert run([]) == 2
    assert capsys.readouterr().out.startswith("Usage: imapdb")


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["--version"]) == 0
    assert capsys.readouterr().out.startswith("imapdb")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["nonsense"], "No such command 'nonsense'; see imapdb --help"),
        ([NOWHERE], "No such command"),
        (["search"], "MAILBOX"),
        (["search", "INBOX"], "--url imaps://user@host/"),
        (["search", NOWHERE], "this is a URL"),
        (["search", "INBOX", "--nonsense"], "No such option"),
        (["search", "INBOX", "--since", "nonsense"], "'nonsense' is no date"),
        (["search", "INBOX", "--before", "13"], "'13' is no date"),
        (["search", "INBOX", "--larger", "much"], "'much' is no size"),
        (["search", "INBOX", "--uid", "0"], "uids are numbers from 1"),
        (["search", "INBOX", "--limit", "0"], "--limit"),
        (["search", "INBOX", "--order", "-colour"], "'colour' is not one of uid, created"),
        (["search", "INBOX", "--columns", "uid,"], "parted by commas"),
        (["search", "INBOX", "--columns", "@nonsense"], "no set of columns @nonsense, only @short, @long, @flags"),
        (["search", "INBOX", "--where", "1) OR (1"], "not one condition"),
        (["count", "INBOX", "--sent-since", "nonsense"], "'nonsense' is no date"),
        (["count", "INBOX", "--limit", "1"], "No such option"),
        (["count", "INBOX", "--where", "uid = ?"], "write values where they belong"),
        (["count", "INBOX", "--any", "--text", "x", "--not-from", "y"], "--text: with --any, it goes beside neither"),
        (["show", "INBOX"], "UID"),
        (["show", "INBOX", "0"], "UID"),
        (["show", "INBOX", "4294967296"], "UID"),
        (["show", "INBOX", "x"], "UID"),
        (["show", "messages", "1"], "a uid is one in a mailbox"),
        (["show", "INBOX", "1", "--raw", "--json"], "choose one"),
        (["show", "INBOX", "1", "--part", "1", "--html"], "choose one"),
        (["show", "INBOX", "1", "--output", "x"], "it goes with --raw, --html or --part"),
        (["attachments", "INBOX", "--dry-run"], "it goes with --save"),
        (["attachments", "INBOX", "--save", __file__], "is no directory"),
        (["attachments", "INBOX", "--order", "colour"], "'colour' is not one of uid, created"),
        (["export", "INBOX"], "--eml / --mbox: choose one"),
        (["export", "INBOX", "--eml", "x", "--mbox", "-"], "choose one"),
        (["export", "INBOX", "--eml", __file__], "is no directory"),
        (["export", "INBOX", "--mbox", "-", "--columns", "uid"], "No such option"),
        (["search", "INBOX", "--json", "--csv", "--url", NOWHERE], "choose one"),
        (["query", "-", "--password-stdin", "--url", NOWHERE], "not both"),
        (["query"], "SQL"),
        (["mailboxes", "surplus"], "surplus"),
    ],
)
def test_a_wrong_command_line(arguments: list[str], said: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(arguments) == 2
    out, err = capsys.readouterr()
    assert out == ""
    (line,) = err.splitlines()
    assert line.startswith("imapdb: ")
    assert "--help" in line
    assert said in line
    assert "s3cr3t" not in line


@pytest.mark.parametrize(
    "url",
    [
        NOWHERE,
        "http://ada:s3cr3t@host/",
        "imap://ada:s3cr3t@host:port/",
        "imap://ada:s3cr3t@host/INBOX",
        "imap://ada:s3cr3t@[host/",
        "imap://:s3cr3t@host/",
        "imap://ada:s3cr3t@host/?nonsense=1",
    ],
)
def test_an_account_that_cannot_be_reached(
    url: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("IMAPDB_URL", url)
    assert run(["mailboxes"]) == 1
    out, err = capsys.readouterr()
    assert out == ""
    (line,) = err.splitlines()
    assert line.startswith("imapdb: ")
    assert "s3cr3t" not in line


def test_the_url_option_wins_and_warns_of_its_password(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("IMAPDB_URL", "imap://other:x@127.0.0.1/")
    monkeypatch.setenv("IMAPDB_PASSWORD", "y")
    found = login.account(NOWHERE, password_stdin=False)
    assert (found.user, found.password) == ("ada", "s3cr3t")
    err = capsys.readouterr().err
    assert err.startswith("imapdb: warning: the password in --url is visible")
    assert "s3cr3t" not in err
    assert login.account(None, password_stdin=False).password == "x"
    assert login.account("imap://ada@127.0.0.1/", password_stdin=False).password == "y"
    assert capsys.readouterr().err == ""


def test_the_password_from_standard_input(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO("päss word \r\nSELECT 1"))
    assert login.account("imap://ada@127.0.0.1/", password_stdin=True).password == "päss word "
    assert sys.stdin.read() == "SELECT 1"
    monkeypatch.setattr(sys, "stdin", io.StringIO("\n"))
    with pytest.raises(ProgrammingError, match="holds no password"):
        login.account("imap://ada@127.0.0.1/", password_stdin=True)


def test_no_password_and_nobody_to_ask() -> None:
    with pytest.raises(ProgrammingError, match="no password: set IMAPDB_PASSWORD"):
        login.account("imap://ada@127.0.0.1/", password_stdin=False)


def test_the_password_is_asked_for_on_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    asked = []

    def getpass(prompt: str) -> str:
        asked.append(prompt)
        return "typed"

    monkeypatch.setattr(sys, "stdin", Terminal())
    monkeypatch.setattr("getpass.getpass", getpass)
    assert login.account("imap://ada@127.0.0.1:143/", password_stdin=False).password == "typed"
    assert asked == ["Password of imap://ada@127.0.0.1:143/: "]


def test_the_command_line_loads_what_it_needs() -> None:
    unwanted = {"sqlalchemy", "sqlglot", "apsw", "rich.table", "pymap", "prompt_toolkit"}
    code = f"import sys, imapdb.cli; print(*sorted({unwanted} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "\n"


@pytest.mark.parametrize("arguments", [["--help"], ["search", "--help"]])
def test_from_a_clone(arguments: list[str]) -> None:
    environment = {**os.environ, "COLUMNS": "80"}
    command = [sys.executable, str(ROOT / "cli.py"), *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=True, env=environment)
    assert done.stdout.startswith("Usage: imapdb")
    assert max(map(len, done.stdout.splitlines())) <= 80
