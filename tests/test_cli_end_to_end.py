"""The commands as a user runs them: a process of their own, on the sample account."""

from __future__ import annotations

import csv
import io
import json
import os
import pty
import re
import select
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

import imapdb.demo

if TYPE_CHECKING:
    from collections.abc import Iterator

# What a heading may hold without colour.
BOLD, UNDERLINED, OFF = "\x1b[1m", "\x1b[1;4m", "\x1b[0m"
CLI = str(Path(__file__).parent.parent / "cli.py")


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with imapdb.demo.server() as url:
        yield url


def imap(*arguments: str, url: str = "", stdin: str = "") -> subprocess.CompletedProcess[str]:
    environment = {key: value for key, value in os.environ.items() if not key.startswith("IMAPDB_")}
    environment |= {"IMAPDB_URL": url, "PYTHONIOENCODING": "utf-8"}
    return subprocess.run(
        [sys.executable, CLI, *arguments],
        check=False,
        capture_output=True,
        encoding="utf-8",
        env=environment,
        input=stdin,
        timeout=60,
    )


def lines(*arguments: str, url: str) -> list[list[str]]:
    done = imap(*arguments, url=url)
    assert (done.returncode, done.stderr) == (0, "")
    return [line.split("\t") for line in done.stdout.splitlines()]


def rows(*arguments: str, url: str) -> list[dict[str, Any]]:
    done = imap(*arguments, "--json", url=url)
    assert (done.returncode, done.stderr) == (0, "")
    found: list[dict[str, Any]] = json.loads(done.stdout)
    return found


def on_terminal(*arguments: str, url: str, **environment: str) -> str:
    """Run a command on a pseudo terminal and return what it wrote."""
    ours, theirs = pty.openpty()
    with subprocess.Popen(
        [sys.executable, CLI, *arguments],
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        env=os.environ | {"IMAPDB_URL": url, "COLUMNS": "120", "TERM": "xterm-256color"} | environment,
    ) as process:
        os.close(theirs)
        out = b""
        try:
            while select.select([ours], [], [], 60)[0]:
                out += os.read(ours, 65536)
        except OSError:  # Linux reports the end of a pseudo terminal so
            pass
        finally:
            os.close(ours)
    assert process.returncode == 0
    return out.decode()


def test_mailboxes(url: str) -> None:
    found = rows("mailboxes", url=url)
    assert [row["name"] for row in found[:2]] == ["INBOX", found[1]["name"]]
    assert {"Sent", "Reise & Urlaub", "日本語", "Lists/python"} <= {row["name"] for row in found}
    assert all(row["unseen"] <= row["messages"] for row in found)
    assert found[0]["messages"] > 100
    assert lines("mailboxes", url=url)[0][:2] == ["INBOX", str(found[0]["messages"])]


def test_search_newest_first(url: str) -> None:
    found = rows("search", "INBOX", "--limit", "20", url=url)
    assert list(found[0]) == ["uid", "seen", "created", "sender", "subject", "size"]
    created = [row["created"] for row in found]
    assert len(created) == 20
    assert created == sorted(created, reverse=True)
    assert rows("search", "INBOX", "--limit", "1", "--reverse", url=url)[0]["created"] < created[-1]


def test_search_every_condition(url: str) -> None:
    found = rows(
        "search", "INBOX", "--unseen", "--unflagged", "--unanswered", "--since", "30d", "--before", "1h",
        "--smaller", "1M", "--larger", "100", "--uid", "1:*", "--order", "-size", url=url,
    )  # fmt: skip
    assert found
    assert not any(row["seen"] for row in found)
    sizes = [row["size"] for row in found]
    assert sizes == sorted(sizes, reverse=True)


def test_search_texts_in_any_charset(url: str) -> None:
    for sender in ("müller", "田中", "GARCÍA", "петрова", "liam@example.com", "Smith, John"):
        found = rows("search", "INBOX", "--from", sender, "--columns", "sender", url=url)
        assert found, sender
        assert all(sender.casefold() in row["sender"].casefold() for row in found)
    found = rows("search", "Reise & Urlaub", "--subject", "bestätigung", "--subject", "ZÜRICH", url=url)
    assert [row["subject"] for row in found] == ["Buchungsbestätigung: Zürich"]
    assert len(lines("search", "日本語", "--to", "demo@", url=url)) == 10


def test_search_uids_and_columns(url: str) -> None:
    uids = [row["uid"] for row in rows("search", "Sent", "--order", "uid", "--columns", "uid", url=url)]
    first, second, *_, last = uids
    asked = f"{first},{second}:{second},{last}:*"
    assert lines("search", "Sent", "--uid", asked, "--order", "uid", "--columns", "uid,subject", url=url) == [
        [str(row["uid"]), row["subject"]]
        for row in rows("search", "Sent", "--order", "uid", url=url)
        if row["uid"] in (first, second, last)
    ]
    assert rows("search", "Sent", "--uid", f"{last + 1}:*", url=url) == []


def test_reading_leaves_mail_unread(url: str) -> None:
    unseen = rows("mailboxes", url=url)[0]["unseen"]
    rows("query", "SELECT length(email) FROM INBOX WHERE seen = 0", url=url)
    assert rows("mailboxes", url=url)[0]["unseen"] == unseen


def test_query(url: str) -> None:
    sql = "SELECT count(*) AS n, ? AS text FROM INBOX WHERE size > ?"
    (row,) = rows("query", sql, "--param", "a'b", "--param", "0", url=url)
    assert row["n"] > 100
    assert row["text"] == "a'b"
    done = imap("query", "-", "--csv", url=url, stdin='SELECT uid, flags FROM "Junk" ORDER BY uid LIMIT 2')
    assert next(csv.reader(io.StringIO(done.stdout))) == ["uid", "flags"]
    assert done.returncode == 0


def test_query_joins(url: str) -> None:
    sql = "SELECT a.subject FROM Sent s JOIN INBOX a ON a.in_reply_to = s.message_id"
    assert len(lines("query", sql, url=url)) >= 20


def test_hostile_mail_stays_on_its_line(url: str) -> None:
    done = imap("search", "INBOX", "--from", "esc@example.net", url=url)
    assert done.stdout.count("\n") == 1
    assert "\x1b" not in done.stdout
    assert "end [bold]" in done.stdout
    assert lines("query", "SELECT char(27) || '[31m' || char(10, 9, 155), '[red]x[/red]'", url=url) == [
        ["\\x1b[31m \\x9b", "[red]x[/red]"]
    ]
    shown = on_terminal("search", "INBOX", "--from", "esc@example.net", url=url, NO_COLOR="1", COLUMNS="200")
    assert set(re.findall("\x1b[^m]*.?", shown)) == {BOLD, UNDERLINED, OFF}
    assert "owned" in shown
    assert "[bold]" in shown


def test_a_terminal_gets_a_table(url: str) -> None:
    shown = on_terminal("search", "INBOX", "--limit", "5", url=url)
    assert "\x1b[1" in shown
    assert "created (UTC)" in shown
    plain = on_terminal("search", "INBOX", "--limit", "5", url=url, TERM="dumb").splitlines()
    assert len(plain) == 6
    assert plain[0].split() == ["uid", "seen", "created", "(UTC)", "sender", "subject", "size"]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["search", "No such box"], "there is no mailbox 'No such box'; imapdb mailboxes lists those there are"),
        (["search", "INBOX", "--columns", "uid,colour"], 'there is no column "colour"'),
        (["query", "SELEKT 1"], "SELEKT"),
        (["query", "SELECT ?"], ""),
    ],
)
def test_a_statement_that_fails(url: str, arguments: list[str], said: str) -> None:
    done = imap(*arguments, url=url)
    assert (done.returncode, done.stdout) == (1, "")
    (line,) = done.stderr.splitlines()
    assert line.startswith("imapdb: ")
    assert said in line


def test_a_wrong_password(url: str) -> None:
    done = imap("mailboxes", "--password-stdin", url=url, stdin="s3cr3t\n")
    assert done.returncode == 1
    (line,) = done.stderr.splitlines()
    assert line.startswith("imapdb: ")
    assert "s3cr3t" not in line


def test_a_right_password(url: str) -> None:
    done = imap("mailboxes", "--password-stdin", url=url.replace(":demo@", "@"), stdin="demo\n")
    assert (done.returncode, done.stderr) == (0, "")
    done = imap("mailboxes", "--url", url)
    assert done.returncode == 0
    assert done.stderr.startswith("imapdb: warning:")


@pytest.mark.parametrize("form", [[], ["--json"], ["--csv"]])
def test_head_is_no_failure(url: str, form: list[str]) -> None:
    environment = os.environ | {"IMAPDB_URL": url}
    sql = "SELECT subject, headers FROM INBOX"
    with subprocess.Popen(
        [sys.executable, CLI, "query", sql, *form], stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.readline()
        process.stdout.close()
        assert process.stderr.read() == b""
        assert process.wait(60) == 0


def test_demo_answers_every_question() -> None:
    done = imap("demo")
    assert (done.returncode, done.stderr) == (0, "")
    answers = done.stdout.split("# ")[1:]
    assert len(answers) == 4
    for answer in answers:
        assert "SELECT" in answer
        # a heading and at least three rows below the statement
        assert len(answer.partition(";\n\n")[2].strip().splitlines()) >= 4


def test_demo_on_a_terminal() -> None:
    assert "\x1b[36m" in on_terminal("demo", url="")
    shown = on_terminal("demo", url="", NO_COLOR="1")
    assert "\x1b[36m" not in shown
    assert "Which mailboxes are there" in shown
    assert "Reise & Urlaub" in shown


def test_demo_serve_keeps_the_account_until_interrupted() -> None:
    with subprocess.Popen(
        [sys.executable, CLI, "demo", "--serve"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        # In the background of a shell SIGINT is ignored, by children too.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # noqa: PLW1509 - no threads in the child
    ) as process:
        try:
            assert process.stdout is not None
            line = process.stdout.readline().strip()
            assert line.startswith("export IMAPDB_URL=imap://demo:demo@127.0.0.1:")
            assert rows("mailboxes", url=line.partition("=")[2])[0]["name"] == "INBOX"
            process.send_signal(signal.SIGINT)
            assert process.wait(20) == 0
            assert "Traceback" not in process.communicate()[1]
        finally:
            process.kill()


def test_a_search_takes_little_time(url: str) -> None:
    took = []
    for _ in range(3):
        started = time.perf_counter()
        lines("search", "INBOX", "--unseen", url=url)
        took.append(time.perf_counter() - started)
    # 0.6 s is the aim; a shared machine gets three tries and some room
    assert min(took) < 1.5
