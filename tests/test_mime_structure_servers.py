"""What real servers say of the structure of a message, beside the standard library and beside each other."""

from __future__ import annotations

import email
import email.policy
from typing import TYPE_CHECKING, Any

from hypothesis import settings

from imapdb.imap.tokens import tokens
from imapdb.mime import part_tree
from imapdb.mime.structure import parse
from tests.kit.composer import Composer
from tests.kit.login import checked

if TYPE_CHECKING:
    from collections.abc import Iterator

    from imapdb.mime.part_tree import Part
    from tests.kit.servers import Login

Row = tuple[str, str, str | None, str | None, str | None, str]


def by_the_library(part: Any, prefix: str = "", number: int | None = None) -> Iterator[tuple[Row, Any]]:
    kind = part.get_content_type()
    last = number if number is not None else "TEXT" if kind.startswith("multipart/") else 1
    section = f"{prefix}{last}"
    charset = part.get_content_charset()
    if charset is None and kind.startswith("text/"):
        charset = "us-ascii"  # what Dovecot says where nothing is said
    way = "7bit" if kind.startswith("multipart/") else str(part.get("Content-Transfer-Encoding", "7bit")).lower()
    yield (section, kind, charset, part.get_filename(), part.get_content_disposition(), way), part
    if kind == "message/rfc822":
        yield from by_the_library(part.get_payload(0), f"{section}.")
    elif kind.startswith("multipart/"):
        under = prefix if number is None else f"{section}."
        for n, child in enumerate(part.get_payload(), 1):
            yield from by_the_library(child, under, n)


def by_ourselves(part: Part) -> Row:
    name, label = part_tree.filename(part), part_tree.charset_label(part)
    return part.section, part.type, label, name, part.disposition, part.encoding


def structure_of(answer: list[Any]) -> Part:
    response = [b"* "]
    for piece in answer:
        line, literal = piece if isinstance(piece, tuple) else (piece, None)
        response[-1] += line
        if literal is not None:
            response[-1] += b"\r\n"
            response += [literal, b""]
    match tokens(response, 2):
        case [bytes(), list(pairs)]:
            return parse(pairs[pairs.index(b"BODYSTRUCTURE") + 1])
    raise AssertionError(response)


def octets_of(client: Any, uid: int, section: str) -> bytes:
    (answer, _) = checked(client.uid("FETCH", str(uid), f"(BODY.PEEK[{section}])"))
    literal = answer[1]
    assert isinstance(literal, bytes)
    return literal


def test_dovecot_and_the_standard_library_agree(dovecot_login: Login) -> None:
    messages = [Composer(seed).message().as_bytes() for seed in range(3 * settings().max_examples)]
    uids = dovecot_login.append_all("INBOX", messages)
    told: dict[str, int] = {}
    with dovecot_login.imaplib() as client:
        checked(client.select("INBOX", readonly=True))
        for uid, octets in zip(uids, messages, strict=True):
            part = structure_of(checked(client.uid("FETCH", str(uid), "(BODYSTRUCTURE)")))
            parsed = email.message_from_bytes(octets, policy=email.policy.default)
            expected = list(by_the_library(parsed))
            every = list(part.walk())
            assert [by_ourselves(inner) for inner in every] == [row for row, _ in expected]
            assert part.problems == ()
            for inner, (_, other) in zip(every, expected, strict=True):
                told[inner.type] = told.get(inner.type, 0) + 1
                if inner.type.startswith("multipart/"):
                    continue
                fetched = octets_of(client, uid, inner.section)
                assert len(fetched) == inner.size
                if inner.message is None:
                    way = f"Content-Transfer-Encoding: {inner.encoding}\r\n\r\n".encode()
                    payload = email.message_from_bytes(way + fetched).get_payload(decode=True)
                    assert isinstance(payload, bytes)
                    assert payload == other.get_payload(decode=True)
                    if inner.encoding == "base64":
                        assert part_tree.decoded_size(inner) == len(payload) + -len(payload) % 3
    assert {"multipart/alternative", "message/rfc822", "image/png", "text/html"} <= set(told)


LETTER = b"""\
From: ada@example.org
Subject: forty relatives
MIME-Version: 1.0
Content-Type: multipart/mixed; boundary=outer

--outer
Content-Type: multipart/alternative; boundary=inner

--inner
Content-Type: text/plain; charset=utf-8

hello
--inner
Content-Type: text/html; charset=utf-8
Content-Transfer-Encoding: quoted-printable

<p>hell=C3=B6</p>
--inner--
--outer
Content-Type: image/png
Content-ID: <picture@example.org>
Content-Disposition: inline; filename="a; picture.png"
Content-Transfer-Encoding: base64

AAAA
--outer
Content-Type: application/pdf; name="=?utf-8?Q?Gr=C3=BC=C3=9Fe.pdf?="
Content-Transfer-Encoding: base64

AAAA
--outer
Content-Type: application/pdf
Content-Disposition: attachment; filename*0*=utf-8''Gr%C3%BC; filename*1*=%C3%9Fe;
 filename*2=.pdf
Content-Transfer-Encoding: base64

AAAA
--outer
Content-Type: message/rfc822
Content-Disposition: attachment

Subject: inside
MIME-Version: 1.0
Content-Type: multipart/mixed; boundary=innermost

--innermost
Content-Type: text/plain

hello inside
--innermost--
--outer--
""".replace(b"\n", b"\r\n")


def test_every_server_tells_the_same_parts(login: Login) -> None:
    uid = login.append("INBOX", LETTER)
    with login.imaplib() as client:
        checked(client.select("INBOX", readonly=True))
        part = structure_of(checked(client.uid("FETCH", str(uid), "(BODYSTRUCTURE)")))
        texts = [octets_of(client, uid, section).strip() for section in ("1.1", "1.2", "2")]
    assert part.problems == ()
    assert [(inner.section, inner.type) for inner in part.walk()] == [
        ("TEXT", "multipart/mixed"),
        ("1", "multipart/alternative"),
        ("1.1", "text/plain"),
        ("1.2", "text/html"),
        ("2", "image/png"),
        ("3", "application/pdf"),
        ("4", "application/pdf"),
        ("5", "message/rfc822"),
        ("5.TEXT", "multipart/mixed"),
        ("5.1", "text/plain"),
    ]
    assert [(inner.section, inner.disposition, part_tree.filename(inner)) for inner in part_tree.attachments(part)] == [
        ("2", "inline", "a; picture.png"),
        ("3", None, "Grüße.pdf"),
        ("4", "attachment", "Grüße.pdf"),
        ("5", "attachment", None),
    ]
    assert [inner.section for inner in part_tree.text_parts(part)] == ["1.1"]
    assert [inner.section for inner in part_tree.inline_texts(part)] == ["1.1", "1.2"]
    assert part.children[1].content_id == "picture@example.org"
    assert [inner.encoding for inner in part.children[0].children] in (
        ["7bit", "quoted-printable"],
        ["8bit", "quoted-printable"],  # Courier's word for what has no encoding
    )
    # Not inside the embedded message: GreenMail refuses that, and pymap calls the text in it 5.1.1.
    assert texts == [b"hello", b"<p>hell=C3=B6</p>", b"AAAA"]
