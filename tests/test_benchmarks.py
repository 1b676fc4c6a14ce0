"""The measurements run from end to end, on a small mailbox. What they measure is nobody's business here."""

from __future__ import annotations

import importlib.util
import json
import subprocess
import sys
import xml.etree.ElementTree as ET
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from benchmarks import mail
from benchmarks.page import page, recorded
from benchmarks.questions import FEW, Known, Listing, digest, listed
from benchmarks.tasks import NAMES

if TYPE_CHECKING:
    from tests.kit.server import MailServer

ROOT = Path(__file__).resolve().parents[1]


# The fixture leaves the test out where there is no Dovecot; the measurements start one of their own.
def test_every_task_runs_and_every_answer_is_right(dovecot: MailServer, tmp_path: Path) -> None:
    results, chart = tmp_path / "results.json", tmp_path / "chart.svg"
    options = ["--messages", "200", "--rounds", "1", "--json", str(results), "--chart", str(chart)]
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks", *options, "--cache", str(tmp_path / "cache")],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    report = json.loads(results.read_text(encoding="utf-8"))
    assert [task["name"] for task in report["tasks"]] == NAMES
    listing = report["tasks"][NAMES.index("all")]
    took_part = {result["contender"] for result in listing["results"]}
    with_tools = {"imap_tools"} if importlib.util.find_spec("imap_tools") else set()
    peers = {"imapclient", "imaplib"} | with_tools
    assert took_part == {"floor", "floor, header fields", "imapdb", "imapdb, DBAPI"} | peers
    for task in report["tasks"]:
        assert all(result["median"] > 0 and result["octets_down"] >= 0 for result in task["results"])
        assert f"\n{task['title']}\n" in done.stdout
        assert task["goals"]
    # Results are published: they say what kind of machine it was, and nothing that tells which.
    assert str(ROOT) not in results.read_text(encoding="utf-8")
    assert len(ET.parse(chart).getroot()) > 20


def test_the_page_of_the_docs_shows_the_recorded_runs() -> None:
    text = (ROOT / "docs/speed.md").read_text(encoding="utf-8")
    assert page(text, recorded()) == text, "python -m benchmarks.page writes it anew"


def test_a_task_nobody_knows_is_refused() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks", "--tasks", "nosuch"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 1
    assert "there are count, unseen" in done.stderr or "need Dovecot" in done.stderr


def test_the_mail_is_the_same_every_time() -> None:
    first, second = list(mail.letters(120)), list(mail.letters(120))
    assert first == second
    assert sum("\\Seen" not in letter.flags for letter in first) == 30
    assert len({letter.received for letter in first}) == 120
    assert all(b"\n" not in letter.octets.replace(b"\r\n", b"") for letter in first)


@pytest.mark.parametrize("wrong", [{"subject": "another"}, {"size": 1}, {"uid": 9}])
def test_a_wrong_answer_shows(wrong: dict[str, str | int]) -> None:
    known = [Known(uid, uid * 100, f"Grüße {uid}", "", uid) for uid in range(1, 5)]
    question = Listing(("uid", "size", "subject"))
    right = listed(known, question)
    undecoded = [(uid, size, f"=?utf-8?q?Gr=C3=BC=C3=9Fe?=\r\n {uid}".encode()) for uid, size, _ in reversed(right)]
    assert digest(undecoded, question) == digest(right, question)
    other = listed([known[0]._replace(**wrong), *known[1:]], question)  # type: ignore[arg-type]
    assert digest(other, question) != digest(right, question)
    newest = Listing(FEW, newest="created", limit=2)
    assert [row[0] for row in listed(known, newest)] == [4, 3]
