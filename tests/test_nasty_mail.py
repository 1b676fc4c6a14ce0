"""Messages of every odd kind, on every server: each column can be read, and says what Python's `email` says of them.

Where `email` says something else, that is one of its known faults (tests/kit/known_faults.py): of each there is the
smallest message that shows it, and what is right.
"""

from __future__ import annotations

import email
import imaplib
import json
import os
from collections import Counter
from contextlib import suppress
from functools import cache
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest
from hypothesis import settings

import imapdb
from imapdb import dbapi
from imapdb.errors import ServerRefused
from imapdb.imap.fetch import Fetched
from imapdb.imap.piece import UNDESCRIBED
from imapdb.mime import body_text, part_tree, transfer
from imapdb.mime.walk import walk
from imapdb.sql.bodies import SMALL
from imapdb.sql.columns import ALIASES, ATTACHMENT_COLUMNS, COLUMNS, by_name
from tests.kit.kinds import check
from tests.kit.known_faults import FAULTS, FIELDS, PARTS, POLICIES, RAISES, Leaf, asked
from tests.kit.login import RefusedError, _append, checked, wire_name
from tests.kit.nasty import HAND_MADE, appendable, nasty_messages
from tests.test_mime_walk import KNOWN, octets_of, structure_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from imapdb.mime.part_tree import Part
    from tests.kit.known_faults import Fault
    from tests.kit.servers import Login, MailServer

IS_LONG = settings().max_examples > settings.get_profile("short").max_examples
SEED = int(os.environ.get("SEED") or 0)
# Generated messages, besides the hand-made ones.
COUNTS = {"dovecot": (400, 5000), "greenmail": (400, 1000)}
OTHER_COUNTS = (40, 500)
NAMES = tuple(column.name for column in COLUMNS)
WHOLE = ("email", "headers", "problems")
# What the parts of a message make.
OF_PARTS = ("text", "html", "content", "attachments", "encoding")
# Small messages come whole, of large ones the parts that are wanted.
WAYS = {"whole": SMALL, "by its structure": 0}


class Account(NamedTuple):
    """What a server took, by UID: the names of the messages."""

    login: Login
    names: dict[int, str]
    refused: dict[str, str]


def messages(server: str) -> dict[str, bytes]:
    count = COUNTS.get(server, OTHER_COUNTS)[IS_LONG]
    generated = {f"SEED={SEED}, number {n}": message for n, message in enumerate(nasty_messages(count, SEED))}
    return {name: appendable(message) for name, message in (HAND_MADE | generated).items()}


def appended(login: Login, waiting: list[tuple[str, bytes]]) -> Account:
    """Append what the server takes."""
    account = Account(login, {}, {})
    while waiting:
        with login.imaplib() as client:
            try:
                while waiting:
                    name, message = waiting.pop(0)
                    try:
                        account.names[_append(client, [wire_name("INBOX"), "()"], message)] = name
                    except RefusedError as error:
                        account.refused[name] = str(error)
            except imaplib.IMAP4.abort as error:
                # Some servers end the session over a message they cannot bear.
                account.refused[name] = str(error)
                client.shutdown()
                client.state = "LOGOUT"
    return account


def expunge_what_ends_the_session(account: Account) -> None:
    """Take away the messages that a server cannot describe to anybody."""
    waiting, broken = list(account.names), []
    while waiting:
        with account.login.imaplib() as client:
            checked(client.select("INBOX", readonly=True))
            try:
                while waiting:
                    checked(client.uid("FETCH", str(waiting[0]), "(BODYSTRUCTURE)"))
                    waiting.pop(0)
            except imaplib.IMAP4.abort:
                broken.append(waiting.pop(0))
                client.shutdown()
                client.state = "LOGOUT"
    if broken:
        with account.login.imaplib() as client:
            checked(client.select("INBOX"))
            checked(client.uid("STORE", ",".join(map(str, broken)), "+FLAGS", "(\\Deleted)"))
            checked(client.expunge())
    for uid in broken:
        account.refused[account.names.pop(uid)] = "its structure ends the session"


@pytest.fixture(scope="module")
def account(mail_server: MailServer) -> Account:
    account = appended(mail_server.new_login(), list(messages(mail_server.name).items()))
    if IS_LONG and mail_server.name == "pymap":
        # Over one in ten of the generated ones, so that no two readings lose the same sessions.
        expunge_what_ends_the_session(account)
    return account


@pytest.fixture(params=WAYS)
def way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setattr("imapdb.sql.bodies.SMALL", WAYS[request.param])
    name: str = request.param
    return name


def rows_of(account: Account, names: Sequence[str], where: str = "", table: str = "INBOX") -> list[dict[str, Any]]:
    chosen = ", ".join(f'"{name}"' for name in names)
    with dbapi.connect(account.login.url()) as connection, connection.cursor() as cursor:
        cursor.execute(f'SELECT {chosen} FROM "{table}" {where} ORDER BY uid')
        return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]


# These take their time for every part that is asked for alone: GreenMail goes through all of the mailbox.
SHARES = {"courier": 5, "greenmail": 5, "cyrus": 2}


def share_of(account: Account) -> list[int]:
    """Give the messages of which parts are asked for one by one."""
    name = account.login.server.name
    return list(account.names)[:: 1 if IS_LONG and name != "greenmail" else SHARES.get(name, 1)]


def these(uids: list[int]) -> str:
    return f"WHERE uid IN ({', '.join(map(str, uids))})"


# Every column of every row.


# What no message lacks.
ALWAYS = {
    "uid",
    "mailbox",
    "size",
    "flags",
    "seen",
    "headers",
    "email",
    "problems",
    "content",
    "attachments",
    "created",
}


def test_there_are_enough_of_them(account: Account) -> None:
    least = {"dovecot": 500, "greenmail": 500}.get(account.login.server.name, 100)
    assert len(account.names) >= least, account.refused


def test_every_column_of_every_row_can_be_read(account: Account, way: str) -> None:
    uids = list(account.names) if way == "whole" else share_of(account)
    for chosen in ([name for name in NAMES if name not in WHOLE], ["uid", *WHOLE], ["uid", *ALIASES]):
        rows = rows_of(account, chosen, these(uids))
        assert [row["uid"] for row in rows] == uids
        for row in rows:
            for name, value in row.items():
                assert value is not None or name not in ALWAYS
                try:
                    check(name, value)
                except (AssertionError, ValueError) as error:
                    raise AssertionError(f"{account.names[row['uid']]}: {name} is {value!r}") from error


def test_a_structure_that_ends_the_session_is_done_without(account: Account) -> None:
    names = ("uid", "attachments", "text", "problems")
    undescribed = [row for row in rows_of(account, names) if UNDESCRIBED in json.loads(row["problems"])]
    # pymap ends the session over two of the hand-made ones, GreenMail over one in some thousand of the others.
    if account.login.server.name != "greenmail":
        assert (undescribed != []) == (account.login.server.name == "pymap" and not IS_LONG)
    assert all(row["text"] is not None or json.loads(row["attachments"]) for row in undescribed)


# The table of attachments, and attachments as objects.


def listed(rows: list[dict[str, Any]]) -> dict[int, list[dict[str, Any]]]:
    """Give of each message that has some what the table says of its attachments, but for what is in them."""
    found: dict[int, list[dict[str, Any]]] = {}
    for row in rows:
        one = {name: row[name] for name in row if name not in ("mailbox", "uid", "data")}
        found.setdefault(row["uid"], []).append(one)
    return found


def test_the_table_of_attachments_says_what_the_column_says(account: Account) -> None:
    names = [column.name for column in ATTACHMENT_COLUMNS if column.name != "data"]
    rows = rows_of(account, names, table="attachments")
    for row in rows:
        for name, value in row.items():
            check(name, value)
    column = {row["uid"]: json.loads(row["attachments"]) for row in rows_of(account, ("uid", "attachments"))}
    assert listed(rows) == {uid: found for uid, found in column.items() if found}


def test_attachments_are_the_same_whatever_else_is_read(account: Account) -> None:
    names = ("uid", "attachments", "encoding")
    assert [
        {name: row[name] for name in names} for row in rows_of(account, (*names, "text"), these(share_of(account)))
    ] == rows_of(account, names, these(share_of(account)))


def with_data(account: Account, where: str) -> list[dict[str, Any]]:
    return rows_of(account, [column.name for column in ATTACHMENT_COLUMNS], where, "attachments")


def test_what_is_in_every_attachment_can_be_read(account: Account) -> None:
    rows = with_data(account, these(share_of(account)))
    assert len(rows) > 10
    for row in rows:
        # NULL where the server refused the part, and describes another than there is.
        is_refused = row["data"] is None and account.login.server.name == "greenmail"
        assert type(row["data"]) is bytes or is_refused, account.names[row["uid"]]


def test_objects_have_everything(account: Account) -> None:
    # What is hidden is fetched when it is read, for each message alone.
    uids = list(account.names)[:: 60 if account.login.server.name in SHARES else 20]
    data = {(row["uid"], row["part"]): row["data"] for row in with_data(account, these(uids))}
    with imapdb.connect(account.login.url()) as db:
        for message in db(db.INBOX.uid.in_(uids)).select():
            for name in NAMES:
                getattr(message, name)
            json.dumps([message.flags, message.content, message.headers, message.problems])
            for attachment in message.attachments:
                octets = data.pop((message.uid, attachment.part))
                if octets is not None:
                    assert attachment.read() == octets
                    continue
                # Refused, and what the server describes by that section is not what is there.
                assert account.login.server.name == "greenmail"
                with pytest.raises(ServerRefused):
                    attachment.read()
    assert data == {}


# Whole, and by the structure that the server tells.


def described(part: Part) -> dict[str, tuple[Any, ...]]:
    return {
        inner.section: (
            inner.type,
            inner.encoding.lower(),
            inner.disposition,
            part_tree.filename(inner),
            part_tree.charset_label(inner),
            inner.parameters.get("format"),
        )
        for inner in part.walk(into_messages=False)
    }


# Why Dovecot's reading is another one, if it is not in tests/test_mime_walk.py: of two dispositions it takes the last.
OTHERWISE = {"every field twice"}
# Servers that give other octets of a part than those in the message: pymap with the line end before a boundary, Courier
# with one that is not there.
WITH_OTHER_OCTETS = {"pymap", "courier", "greenmail"}


def differing(account: Account, monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """List the messages that have other texts when they come by their structure."""
    monkeypatch.setattr("imapdb.sql.bodies.SMALL", 0)
    where = these(share_of(account))
    by_structure = rows_of(account, ("uid", *OF_PARTS), where)
    monkeypatch.setattr("imapdb.sql.bodies.SMALL", SMALL)
    whole = rows_of(account, ("uid", *OF_PARTS), where)
    return [one["uid"] for one, other in zip(whole, by_structure, strict=True) if one != other]


def test_both_ways_say_the_same_where_the_server_tells_the_same(
    account: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    # As the server has them: Courier puts a line end behind them.
    stored = {row["uid"]: row["email"] for row in rows_of(account, ("uid", "email"))}
    different = differing(account, monkeypatch)
    with account.login.imaplib() as client:
        checked(client.select("INBOX", readonly=True))
        for uid in different:
            walked = walk(stored[uid])
            theirs = structure_of(checked(client.uid("FETCH", str(uid), "(BODYSTRUCTURE)")))
            if not theirs.usable or described(theirs) != described(walked.part):
                continue
            try:
                octets = octets_of(client, uid, list(walked.spans))
            except RefusedError:
                assert account.login.server.name == "greenmail"
                continue
            same = all(octets[section] == stored[uid][slice(*span)] for section, span in walked.spans.items())
            assert not same, account.names[uid]
            assert account.login.server.name in WITH_OTHER_OCTETS, account.names[uid]
    if account.login.server.name == "dovecot":
        hand_made = {account.names[uid] for uid in different} & set(HAND_MADE)
        # The last ones differ in what no text is made of.
        assert hand_made | {"a letter inside in base64", "a letter of all the world"} == set(KNOWN) | OTHERWISE
    assert len(different) < 0.5 * len(share_of(account))


# Beside Python's `email`. What is said of a message is kept: most servers have the same ones.


@cache
def leaves(message: bytes) -> dict[str, Leaf]:
    """Say of the parts of a message what the columns are made of."""
    walked = walk(message)
    found = {}
    for part in walked.part.walk(into_messages=False):
        if part.type.startswith("multipart/"):
            continue
        octets = transfer.decode(message[slice(*walked.spans[part.section])], part.encoding).octets
        label = part_tree.charset_label(part)
        is_text = part.type.startswith("text/")
        text = body_text.decode(octets, label, is_html=part.type == "text/html").text if is_text else None
        found[part.section] = Leaf(
            part.type, part_tree.filename(part), label, part.disposition, octets if part.message is None else None, text
        )
    return found


def is_inline(leaf: Leaf) -> bool:
    return leaf.text is not None and leaf.filename is None and leaf.disposition in (None, "inline")


def test_what_columns_say_is_what_email_says(account: Account) -> None:
    compared: Counter[str] = Counter()
    for row in rows_of(account, ("uid", "email", "text", "html", "content")):
        name, message = account.names[row["uid"]], row["email"]
        ours = leaves(message)
        inline = [leaf for leaf in ours.values() if is_inline(leaf)]
        assert json.loads(row["content"]) == [{"mime": leaf.type, "text": leaf.text} for leaf in inline], name
        assert row["html"] == next((leaf.text for leaf in inline if leaf.type == "text/html"), None), name
        if [leaf.type for leaf in inline] == ["text/plain"] and b"flowed" not in message.lower():
            assert row["text"] == inline[0].text, name
        for policy in POLICIES:
            compared += compared_with_email(name, message, policy)
    # Most of it is said by both, and excuses are few.
    assert compared["same"] > 0.6 * compared["parts"]
    assert compared["parts"] > 0.5 * compared["all parts"]


@cache
def compared_with_email(name: str, message: bytes, policy: str) -> Counter[str]:
    answer, ours = asked(message, policy), leaves(message)
    theirs = {section: leaf for section, leaf in answer.leaves.items() if not answer.is_lost(section)}
    mine = {section: leaf for section, leaf in ours.items() if not answer.is_lost(section)}
    assert set(theirs) == set(mine), (name, policy, answer.lost)
    count = Counter({"all parts": len(ours), "parts": len(mine)})
    for section, leaf in theirs.items():
        is_same = True
        for field in FIELDS:
            one, other = getattr(leaf, field), getattr(mine[section], field)
            # The octets of a message are nowhere in `email`, which took it apart.
            if one != other and not (field in ("octets", "text") and one is None):
                assert answer.faults[section][field], (name, policy, section, field, one, other)
                is_same = False
        count["same"] += is_same
    return count


@pytest.mark.parametrize(("name", "fault"), FAULTS.items(), ids=FAULTS)
def test_a_fault_of_email(name: str, fault: Fault) -> None:
    policy, field = fault.policies[0], fault.fields[0]
    answer = asked(fault.example, policy)
    right = of_section_1(leaves(fault.example), field)
    assert right == fault.right
    # Later versions may have mended it.
    assert of_section_1(answer.leaves, field) in (fault.theirs, right)
    told = answer.lost if field == PARTS else {section: found[field] for section, found in answer.faults.items()}
    assert any(name in found for found in told.values())


def of_section_1(found: dict[str, Leaf], field: str) -> Any:
    if field == PARTS:
        return {section: leaf.type for section, leaf in found.items()}
    return getattr(found["1"], field)


# What raises when it is read by the newer policy, in some versions of Python or all; its column, and what that says.
RAISING = {
    b"Message-ID: <": ("message_id", "<"),
    b'From: "': ("sender", ""),
    b"To: a@[": ("to", "a@["),
    b"Cc: a@b, ::;": ("cc", "a@b"),
    b"Content-Type: text/plain; name*": ("mime", "text/plain; name*"),
}


@pytest.mark.parametrize("header", RAISING)
def test_a_header_that_raises_in_email(header: bytes) -> None:
    message = Fetched(1)
    message.header = header + b"\r\n\r\n"
    column, value = RAISING[header]
    assert COLUMNS[by_name()[column]].value(message) == value
    with suppress(IndexError, AttributeError):
        # As a text: without the marks that nobody closed.
        (theirs,) = email.message_from_bytes(header, policy=POLICIES["default"]).values()
        assert value in str(theirs)


def test_a_line_of_uuencode_that_is_filled_up_with_anything() -> None:
    """`email` knows that some programs write such, and so do we."""
    encoded = b"begin 644 a.bin\r\n+<V]M92!O8W1E=3D',\r\n`\r\nend\r\n"
    parsed = email.message_from_bytes(b"Content-Transfer-Encoding: x-uuencode\r\n\r\n" + encoded)
    assert transfer.decode(encoded, "x-uuencode") == (b"some octeu9", []) == (parsed.get_payload(decode=True), [])


def test_good_mail_has_none_of_these_faults() -> None:
    for policy in POLICIES:
        for name in ("a multipart", "an alternative", "two in one", "something signed", "letters in letters"):
            answer = asked(appendable(HAND_MADE[name]), policy)
            assert answer.lost == {}
            assert not any(any(found.values()) for found in answer.faults.values())
            assert RAISES not in answer.lost
