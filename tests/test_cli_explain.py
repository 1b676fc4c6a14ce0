"""`imapdb explain`: as text, on a terminal, as JSON; on the sample account."""

from __future__ import annotations

import io
import json
import sys
from typing import TYPE_CHECKING, Any

import pytest

import imapdb.demo
from imapdb.cli import run

if TYPE_CHECKING:
    from collections.abc import Iterator

SQL = "SELECT subject FROM INBOX WHERE seen = ? AND contains(subject, ?)"


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with imapdb.demo.server() as url:
        yield url


@pytest.fixture(autouse=True)
def _environment(monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    monkeypatch.setenv("IMAPDB_URL", url)


def test_text(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["explain", SQL, "--param", "0", "--param", "final"]) == 0
    out, err = capsys.readouterr()
    assert err == ""
    lines = out.splitlines()
    assert lines[0].startswith("INBOX: at most 51 messages, about ")
    assert lines[1] == '  EXAMINE "INBOX"'
    assert lines[2].startswith("  UID SEARCH ")
    assert "UNSEEN" in lines[2]
    assert lines[3] == "  UID FETCH … (UID BODY.PEEK[HEADER.FIELDS (SUBJECT)])"
    assert [line.split()[0] for line in lines[4:6]] == ["exact", "narrowing"]
    # Columns of the terms stand below each other.
    assert lines[4].index("UNSEEN") == lines[5].index('SUBJECT "')


def test_json(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["explain", "SELECT uid FROM INBOX WHERE seen = 0", "--json"]) == 0
    said: dict[str, Any] = json.loads(capsys.readouterr().out)
    (scan,) = said["scans"]
    assert scan["table"] == "INBOX"
    assert scan["mailboxes"] == ["INBOX"]
    assert scan["commands"][0] == 'EXAMINE "INBOX"'
    assert scan["terms"] == [{"text": "seen = 0", "how": "exact", "key": "UNSEEN", "why": ""}]
    assert (scan["messages"], scan["octets"]) == (51, 0)
    assert said["notes"]


def test_standard_input(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO("SELECT count(*) FROM Sent"))
    assert run(["explain", "-"]) == 0
    assert capsys.readouterr().out.startswith("Sent: at most ")


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    out = Terminal()
    monkeypatch.setattr(sys, "stdout", out)
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.delenv("NO_COLOR", raising=False)
    assert run(["explain", SQL, "--param", "0", "--param", "final"]) == 0
    shown = out.getvalue()
    assert "\x1b[1mINBOX: at most 51 messages" in shown
    assert "\x1b[32mexact\x1b[0m" in shown


@pytest.mark.parametrize("form", [[], ["--json"]])
def test_hostile_values_stay_harmless(form: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert (
        run(["explain", "SELECT uid FROM INBOX WHERE headers = ?", "--param", "\x1b[2J\u202e[red]\n\x9b", *form]) == 0
    )
    out = capsys.readouterr().out
    assert not {"\x1b", "\u202e", "\x9b"} & set(out)
    assert "[red]" in out


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["DELETE FROM INBOX"], 1, "only statements that read can be explained"),
        (["SELECT * FROM nosuch"], 1, "no such table: nosuch"),
        (["SELEKT 1"], 1, "only statements that read"),
        (["SELECT ?"], 1, "bindings"),
        ([], 2, "SQL"),
        (["SELECT 1", "--csv"], 2, "No such option"),
        (["-", "--password-stdin"], 2, "not both"),
    ],
)
def test_what_cannot_be_explained(
    arguments: list[str], code: int, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["explain", *arguments]) == code
    out, err = capsys.readouterr()
    assert out == ""
    (line,) = err.splitlines()
    assert line.startswith("imapdb: ")
    assert said in line
