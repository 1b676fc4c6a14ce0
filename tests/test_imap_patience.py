"""How often a read is repeated, and after how long."""

from __future__ import annotations

import time

import pytest

from imapdb import errors
from imapdb.imap import patience
from imapdb.imap.patience import MAX_LOSSES, PAUSES, Patience, is_for_now


def refused(server_text: str) -> errors.ServerRefused:
    return errors.ServerRefused("no", command="UID FETCH", server_text=server_text)


@pytest.mark.parametrize(
    ("said", "is_it"),
    [
        ("[UNAVAILABLE] later", True),
        ("[inuse] locked", True),
        ("[THROTTLED]", True),
        ("Request is throttled. Suggested Backoff Time: 5 milliseconds", True),
        ("[NONEXISTENT] none", False),
        ("[LIMIT] too many", False),
        ("[SERVERBUG] sorry", False),
        ("", False),
        (None, False),
    ],
)
def test_what_holds_for_now_only(said: str | None, is_it: bool) -> None:
    assert is_for_now(said) is is_it


def test_a_loss_is_endured_once_and_again_where_something_came() -> None:
    lost = errors.ConnectionLost("cut")
    patient = Patience()
    patient.endure(lost)
    with pytest.raises(errors.ConnectionLost):
        patient.endure(lost)
    patient = Patience()
    for _ in range(MAX_LOSSES):
        patient.endure(lost)
        patient.note_progress()
    with pytest.raises(errors.ConnectionLost):
        patient.endure(lost)


def test_a_timeout_is_waited_for_twice_at_most() -> None:
    lost = errors.ConnectionLost("stalled")
    lost.__cause__ = TimeoutError()
    patient = Patience()
    patient.endure(lost)
    patient.note_progress()
    with pytest.raises(errors.ConnectionLost):
        patient.endure(lost)


def test_a_refusal_for_now_is_asked_again_a_few_times(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(patience, "PAUSES", (0.01, 0.02))
    patient = Patience()
    begun = time.monotonic()
    for _ in range(2):
        patient.endure(refused("[INUSE] x"))
    assert time.monotonic() - begun >= 0.03
    with pytest.raises(errors.ServerRefused):
        patient.endure(refused("[INUSE] x"))


def test_other_refusals_and_long_waits_are_told_at_once() -> None:
    begun = time.monotonic()
    for said in ("no", "[LIMIT] x", "throttled, Suggested Backoff Time: 60000 milliseconds"):
        with pytest.raises(errors.ServerRefused):
            Patience().endure(refused(said))
    assert time.monotonic() - begun < min(PAUSES)
