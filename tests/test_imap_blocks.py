"""Responses taken many at a time read as those read one by one."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imapdb.errors import ProtocolError
from imapdb.imap.blocks import MAX_IDLE, Block
from imapdb.imap.fetched import Fetched, read_fetch
from imapdb.imap.items import Items
from imapdb.imap.wire import OVERHEAD
from tests.kit.dribble import answering

ITEMS = Items(flags=True, size=True, date=True, fields=frozenset({b"SUBJECT", b"FROM"}))
FIELDS = b"BODY[HEADER.FIELDS (FROM SUBJECT)] "


def literal(octets: bytes) -> bytes:
    return b"{%d}\r\n%s" % (len(octets), octets)


# Some begin as a response could go on.
LITERALS = st.sampled_from(
    [b"", b"Subject: x\r\n\r\n", b")\r\n* 3 FETCH (UID 3)\r\n", b"\r\n)\r\n", b" UID 9 FLAGS ()", b" " * 27, b"UID 3"]
)


@st.composite
def responses(draw: st.DrawFn) -> bytes:
    uid = draw(st.integers(1, 12))
    told = [
        b"FLAGS (" + draw(st.sampled_from([b"", rb"\Seen", rb"\Seen $Junk"])) + b")",
        b"RFC822.SIZE %d" % draw(st.integers(0, 10**6)),
        b'INTERNALDATE "20-Nov-2026 10:11:12 +0100"',
        FIELDS + literal(draw(LITERALS)),
        b"MODSEQ (7)",
    ]
    chosen = told[:4] if draw(st.booleans()) else draw(st.permutations(told))[: draw(st.integers(0, 5))]
    place = 0 if draw(st.integers(0, 3)) else draw(st.integers(0, len(chosen)))
    chosen.insert(place, b"UID %d" % uid)
    return b"* %d FETCH (%s)\r\n" % (uid, b" ".join(chosen))


ODD = st.sampled_from(
    [b"* 9 EXISTS\r\n", b"* 3 EXPUNGE\r\n", b"* OK still here\r\n", b"* 2 FETCH (FLAGS ())\r\n", b"* SEARCH 1 2\r\n"]
)
ANSWERS = st.lists(responses() | ODD, max_size=9).map(b"".join)


def read(answer: bytes, step: int, block: Block | None, uids: frozenset[int]) -> dict[int, Any]:
    """Read an answer that arrives in pieces of `step` octets; who is told of first stays."""
    found: dict[int, Fetched] = {} if block is None else block._found
    with answering(answer + b"A1 OK done\r\n", step) as wire:
        pending = wire.send("UID FETCH", b"1:12", b"(UID)")
        pending.take = None if block is None else block.take
        for response in wire.answer(pending):
            message = read_fetch(response)
            if message is not None and message.uid in uids:
                found.setdefault(message.uid, message).take(message)
    return {uid: [getattr(message, name) for name in Fetched.__slots__] for uid, message in found.items()}


@given(answer=ANSWERS, step=st.integers(1, 400), uids=st.frozensets(st.integers(1, 12)))
def test_taken_together_and_one_by_one_are_the_same(answer: bytes, step: int, uids: frozenset[int]) -> None:
    assert read(answer, step, Block(uids, {}, ITEMS), uids) == read(answer, step, None, uids)


@pytest.mark.parametrize("items", [ITEMS, Items(flags=True), Items(size=True, header=True), Items(body=True), Items()])
def test_what_is_asked_for_in_its_order_is_taken_whole(items: Items) -> None:
    told = [b"UID 5"]
    told += [rb"FLAGS (\Seen)"] * items.flags + [b"RFC822.SIZE 9"] * items.size
    told += [b'INTERNALDATE "20-Nov-2026 10:11:12 +0100"'] * items.date
    section = b"HEADER.FIELDS (FROM SUBJECT)" if items.fields else b"HEADER" if items.header else b""
    if items.fields or items.header or items.body:
        told.append(b"BODY[%s] %s" % (section, literal(b"Subject: x\r\n\r\n")))
    answer = b"* 1 FETCH (" + b" ".join(told) + b")\r\n"
    block = Block(frozenset({5}), {}, items)
    assert block.take(answer + b"A1 OK done\r\n") == (len(answer), 1)
    for cut in range(len(answer)):
        assert Block(frozenset({5}), {}, items).take(answer[:cut]) == (0, 0)


@pytest.mark.parametrize(
    "answer",
    [
        b"* 1 FETCH (UID 6 FLAGS ())\r\n",
        b"* 1 FETCH (FLAGS ())\r\n",
        b"* 1 FETCH (UID 5 ENVELOPE NIL)\r\n",
        b"* 1 FETCH (UID 5 BODY[] {3}\r\nabcd)\r\n",
        b"* 1 FETCH (UID 5 BODY[] {2}\r\nabcd)\r\n",
        b"* 1 FETCH (UID 5 BODY[] {1}\r\na UID 6)\r\n",
        b"* 1 FETCH (UID 99999999999 FLAGS ())\r\n",
        b"* OK * 1 FETCH (UID 5 FLAGS ())\r\n",
        b"A1 OK done\r\n",
        b"",
    ],
)
def test_anything_else_is_left(answer: bytes) -> None:
    assert Block(frozenset({5}), {}, ITEMS).take(answer) == (0, 0)


def test_a_literal_that_begins_as_a_response_goes_on_is_a_literal() -> None:
    second = b"* 2 FETCH (FLAGS () UID 6 BODY[] {1}\r\nb)\r\n"
    message = b" " * len(second) + b"x"
    answer = b"* 1 FETCH (FLAGS () UID 5 BODY[] {%d}\r\n%s)\r\n" % (len(message), message) + second
    found: dict[int, Fetched] = {}
    assert Block(frozenset({5, 6}), found, Items(flags=True, body=True)).take(answer) == (len(answer), 2)
    assert [found[uid].body for uid in (5, 6)] == [message, b"b"]


@pytest.mark.parametrize(
    "items", [Items(flags=True, email_id=True), Items(thread_id=True), Items(flags=True, labels=True)]
)
def test_flags_that_somebody_changed_are_not_all_that_was_asked_for(items: Items) -> None:
    block = Block(frozenset({5}), {}, items)
    block.take(b"* 1 FETCH (UID 5 FLAGS (\\Deleted))\r\n")
    assert block.complete == 0


def test_a_server_of_other_shapes_is_soon_left_to_the_general_way() -> None:
    block = Block(frozenset({5}), {}, ITEMS)
    for _ in range(MAX_IDLE):
        assert block.take(b"* 1 FETCH (UID 5 ENVELOPE NIL)\r\n") == (0, 0)
    assert block.take(b"* 1 FETCH (UID 5 FLAGS ())\r\n") == (0, 0)


def test_what_is_taken_counts_towards_the_room_of_an_answer() -> None:
    answer = b"* 1 FETCH (UID 5 FLAGS ())\r\n"
    with answering(answer + b"A1 OK done\r\n", 400) as wire:
        pending = wire.send("UID FETCH", b"5", b"(UID FLAGS)")
        pending.room = OVERHEAD + len(answer) - 1
        pending.take = Block(frozenset({5}), {}, Items(flags=True)).take
        with pytest.raises(ProtocolError, match="does not end"):
            list(wire.answer(pending))
