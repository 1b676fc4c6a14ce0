"""The commands at a terminal: pager, progress, colours, Ctrl-C, and the prompt of the shell."""

from __future__ import annotations

import io
import os
import re
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, cast

import pytest

import imapdb.demo
from imapdb.cli.pager import PagerLeft, Screen, pager_command
from imapdb.cli.progress import Progress, Stand, line
from tests.kit.terminal import Terminal

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from imapdb.dbapi import Connection

CLI = str(Path(__file__).parent.parent / "cli.py")


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with imapdb.demo.server() as url:
        yield url


@pytest.fixture
def silent() -> Iterator[str]:
    """Give the URL of a server that takes connections and never says a word."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield f"imap://ada:s3cr3t@127.0.0.1:{server.getsockname()[1]}/?tls=none"


@pytest.fixture
def on_terminal(tmp_path: Path) -> Iterator[Callable[..., Terminal]]:
    started: list[Terminal] = []

    def start(*arguments: str, url: str, rows: int = 24, **environment: str) -> Terminal:
        places = {f"XDG_{name}_HOME": str(tmp_path / name) for name in ("CONFIG", "STATE", "CACHE")}
        given = places | {"IMAPDB_URL": url, "PAGER": "cat >&2"} | environment
        started.append(Terminal([sys.executable, CLI, *arguments], given, rows=rows))
        return started[-1]

    yield start
    for terminal in started:
        terminal.__exit__()


# The pager.


@pytest.mark.parametrize(
    ("environment", "command"),
    [
        ({"PAGER": "most -w"}, "most -w"),
        ({"PAGER": ""}, None),
        ({"PAGER": "cat"}, None),
        ({"PAGER": "less", "TERM": "dumb"}, None),
        ({"PATH": "/nonexistent"}, None),
    ],
)
def test_which_pager(environment: dict[str, str], command: str | None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.delenv("PAGER", raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert pager_command() == command


def test_a_short_answer_is_not_paged(url: str, on_terminal: Callable[..., Terminal]) -> None:
    terminal = on_terminal("search", "INBOX", "--limit", "5", url=url, PAGER="echo paged; cat")
    assert terminal.wait() == 0
    assert "paged" not in terminal.text
    assert len(terminal.text.splitlines()) == 6


def test_a_long_answer_is_paged(url: str, on_terminal: Callable[..., Terminal]) -> None:
    terminal = on_terminal("search", "INBOX", url=url, PAGER='echo "paged $LESS"; cat')
    assert terminal.wait() == 0
    lines = terminal.text.splitlines()
    assert lines[0] == "paged FRX"
    assert len(lines) > 200
    assert "\x1b[1" in terminal.written


@pytest.mark.parametrize("argument", ["--no-pager", ""])
def test_no_pager(url: str, on_terminal: Callable[..., Terminal], argument: str) -> None:
    arguments = ["search", "INBOX", *filter(None, [argument])]
    environment = {} if argument else {"TERM": "dumb"}
    terminal = on_terminal(*arguments, url=url, PAGER="echo paged; cat", **environment)
    assert terminal.wait() == 0
    assert "paged" not in terminal.text
    assert len(terminal.text.splitlines()) > 200


def test_a_pager_that_is_left_ends_the_command(url: str, on_terminal: Callable[..., Terminal]) -> None:
    terminal = on_terminal("query", "SELECT subject, headers FROM INBOX", url=url, PAGER="head -n 1")
    assert terminal.wait() == 0
    assert len(terminal.text.splitlines()) == 1


def test_a_pager_that_is_not_there(url: str, on_terminal: Callable[..., Terminal]) -> None:
    terminal = on_terminal("search", "INBOX", url=url, PAGER="nosuchpager")
    assert terminal.wait() == 0
    assert "Traceback" not in terminal.text


def test_what_is_piped_is_not_paged(url: str) -> None:
    environment = os.environ | {"IMAPDB_URL": url, "PAGER": "echo paged"}
    done = subprocess.run(
        [sys.executable, CLI, "search", "INBOX"], env=environment, capture_output=True, encoding="utf-8", check=True
    )
    assert "paged" not in done.stdout
    assert len(done.stdout.splitlines()) > 200


class FakeTerminal(io.StringIO):
    encoding = "utf-8"

    def isatty(self) -> bool:
        return True


def test_a_screen_holds_back_until_it_is_full(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("imapdb.cli.pager.shutil.get_terminal_size", lambda: os.terminal_size((10, 5)))
    terminal, shown = FakeTerminal(), []
    screen = Screen(terminal, f"cat > {tmp_path}/paged", lambda: shown.append(True))
    screen.write("1\n2\n")
    screen.flush()
    assert (terminal.getvalue(), shown) == ("", [])
    # a line of several screen lines fills it as much as they do
    screen.write("3" * 45 + "\n")
    assert shown
    screen.write("4\n")
    screen.finish()
    assert terminal.getvalue() == ""
    assert (tmp_path / "paged").read_text(encoding="utf-8") == f"1\n2\n{'3' * 45}\n4\n"


def test_a_screen_shows_what_fits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("imapdb.cli.pager.shutil.get_terminal_size", lambda: os.terminal_size((10, 5)))
    terminal = FakeTerminal()
    screen = Screen(terminal, "false")
    screen.write("1\n2\n")
    screen.finish()
    assert terminal.getvalue() == "1\n2\n"


def test_a_screen_without_pager_passes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal, shown = FakeTerminal(), []
    screen = Screen(terminal, None, lambda: shown.append(True))
    screen.write("1\n")
    assert (terminal.getvalue(), shown) == ("1\n", [True])
    screen.finish()


def test_a_screen_says_that_its_pager_was_left() -> None:
    screen = Screen(FakeTerminal(), "true")
    with pytest.raises(PagerLeft):
        screen.write("line\n" * 100_000)
    screen.finish()


# Colours.


@pytest.mark.parametrize("way", ["--no-color", "NO_COLOR"])
def test_no_colour(url: str, on_terminal: Callable[..., Terminal], way: str) -> None:
    explained = ["explain", "SELECT uid FROM INBOX WHERE seen = 0"]
    coloured = on_terminal(*explained, url=url)
    assert coloured.wait() == 0
    assert "\x1b[32m" in coloured.written
    option, environment = ([way], {}) if way.startswith("-") else ([], {way: "1"})
    plain = on_terminal(*explained, *option, url=url, **environment)
    assert plain.wait() == 0
    assert not re.search(r"\x1b\[[0-9;]*3[0-9]", plain.written)
    assert plain.text == coloured.text


# Progress.


@pytest.mark.parametrize(
    ("stand", "text"),
    [
        (Stand(3.2), "at work for 3 s"),
        (Stand(4, 8000, 3_200_000), "8,000 messages, 3.2 MB, 2,000 per second"),
        (Stand(4, 8000, 3200, 8000, 40000, 4), "8,000 of 40,000 messages, 3 kB, 2,000 per second, 16 s left"),
        (Stand(5, 8000, 3200, 4000, 404000, 4), "8,000 messages, 3 kB, 1,600 per second, 6:40 minutes left"),
        (Stand(5, 50, 0, 50, 50, 5), "50 of 50 messages, 0 kB, 10 per second, 0 s left"),
        # more than was said there would be: then nothing is said
        (Stand(5, 50, 0, 50, 40, 5), "50 messages, 0 kB, 10 per second"),
    ],
)
def test_the_line(stand: Stand, text: str) -> None:
    assert line(stand) == text


def test_how_far_it_has_come(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = iter([100.0, 101.0, 103.0, 105.0])
    monkeypatch.setattr("imapdb.cli.progress.time.monotonic", lambda: next(clock))
    imap = SimpleNamespace(fetched={"flags": (10, 100)}, streaming=None)
    with Progress(cast("Connection", SimpleNamespace(imap=imap))) as shown:
        assert shown.stand() == Stand(1, scanning=1)
        imap.streaming = SimpleNamespace(total=90)
        imap.fetched = {"flags": (20, 200), "size": (5, 50)}
        assert shown.stand() == Stand(3, 15, 150, 0, 90, 0)
        imap.fetched = {"flags": (60, 600), "size": (5, 50)}
        assert shown.stand() == Stand(5, 55, 550, 40, 90, 2)


def test_progress_is_shown_and_erased(silent: str, on_terminal: Callable[..., Terminal]) -> None:
    terminal = on_terminal("search", "INBOX", url=f"{silent}&timeout=3")
    assert terminal.wait() == 1
    assert "at work for 1 s" in terminal.text
    last = terminal.written.rpartition("\r\x1b[K")[2]
    assert last.startswith("imapdb: ")
    assert "s3cr3t" not in terminal.text


def test_no_progress_where_nobody_sees_it(silent: str) -> None:
    done = subprocess.run(
        [sys.executable, CLI, "search", "INBOX", "--url", f"{silent}&timeout=2".replace(":s3cr3t", "")],
        env=os.environ | {"IMAPDB_PASSWORD": "s3cr3t"}, capture_output=True, encoding="utf-8", check=False,
    )  # fmt: skip
    assert done.returncode == 1
    assert len(done.stderr.splitlines()) == 1
    assert "at work" not in done.stderr


# Ctrl-C.


def test_interrupted(silent: str, on_terminal: Callable[..., Terminal]) -> None:
    terminal = on_terminal("search", "INBOX", url=silent)
    terminal.expect("at work for")
    terminal.send("\x03")
    assert terminal.wait(5) == 130
    assert terminal.written.replace("^C", "").endswith("\r\x1b[K")
    assert "Traceback" not in terminal.text


@pytest.mark.parametrize("command", [["search", "INBOX"], ["shell"]])
def test_interrupted_in_a_pipe(silent: str, command: list[str]) -> None:
    with subprocess.Popen(
        [sys.executable, CLI, *command],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ | {"IMAPDB_URL": silent},
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # noqa: PLW1509 - no threads in the child
    ) as process:
        assert process.stdin is not None
        process.stdin.write("SELECT 1 FROM INBOX;\nSELECT 2;\n")
        process.stdin.close()
        process.stdin = None
        time.sleep(1.5)
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=10)
    assert (process.returncode, out) == (130, "")
    assert "Traceback" not in err


# The prompt.


def test_the_prompt(url: str, on_terminal: Callable[..., Terminal], tmp_path: Path) -> None:
    shell = on_terminal("shell", url=url)
    shell.expect("imapdb>")
    shell.send("SELECT count(*) > 200 AS many\r")
    shell.expect("...>")
    shell.send("FROM INBOX;\r")
    shell.expect("many")
    shell.expect("imapdb>")
    shell.send("SELECT nosuch FROM INBOX;\r")
    shell.expect("imapdb: no such column: nosuch")
    shell.send("SELECT 5 +\r")
    shell.expect("...>")
    shell.send("\x03")
    shell.expect("imapdb>")
    shell.send("SELECT uid, subj\t")
    # What was typed may have been drawn before it was completed: then only the rest comes.
    shell.expect("ect")
    shell.send(" FROM arch\t")
    shell.expect('"Archive/2025"')
    shell.send(" ORDER BY uid LIMIT 0;\r")
    shell.expect("uid  subject")
    shell.expect("(no rows)")
    shell.expect("imapdb>")
    shell.send(".explain SELECT uid FROM INBOX WHERE seen = 0\r")
    shell.expect("UID SEARCH")
    shell.expect("imapdb>")
    shell.send("\x04")
    assert shell.wait() == 0
    assert "Traceback" not in shell.text
    history = tmp_path / "STATE" / "imapdb" / "history"
    assert history.stat().st_mode & 0o777 == 0o600
    assert "+SELECT nosuch FROM INBOX;" in history.read_text(encoding="utf-8")
    assert "+FROM INBOX;" in history.read_text(encoding="utf-8")


def test_ctrl_c_cancels_a_statement_and_the_shell_goes_on(url: str, on_terminal: Callable[..., Terminal]) -> None:
    shell = on_terminal("shell", url=url)
    shell.expect("imapdb>")
    endless = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n)"
    # contains() is Python: there the interrupt is seen
    shell.send(f"{endless} SELECT sum(contains(i, 'x')) FROM n, INBOX;\r")
    time.sleep(1.5)
    shell.send("\x03")
    shell.expect("imapdb: interrupted")
    shell.expect("imapdb>")
    shell.send("SELECT count(*) + 1000000 AS n FROM INBOX WHERE subject IS NOT NULL;\r")
    shell.expect("10002")
    shell.send(".quit\r")
    assert shell.wait() == 0


def test_the_shell_without_prompt_toolkit(url: str, on_terminal: Callable[..., Terminal], tmp_path: Path) -> None:
    code = "import sys; sys.modules['prompt_toolkit'] = None; from imapdb.cli import run; sys.exit(run(['shell']))"
    with Terminal([sys.executable, "-c", code], {"IMAPDB_URL": url}) as terminal:
        assert terminal.wait() == 1
        (text,) = terminal.text.strip().splitlines()
    assert text.startswith('imapdb: the prompt needs prompt_toolkit: pip install "imapdb[shell]"')
