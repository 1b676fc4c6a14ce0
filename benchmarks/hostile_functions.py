"""The functions that read what others wrote, by the kind of octets each reads."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

from imapdb.errors import ProtocolError
from imapdb.imap.fetched import Fetched, read_fetch
from imapdb.imap.tokens import tokens
from imapdb.mime import (
    addresses,
    body_text,
    charset,
    dates,
    encoded_words,
    field_problems,
    filenames,
    flowed,
    headers,
    html_text,
    parameters,
    part_tree,
    structure,
    transfer,
    walk,
)
from imapdb.sql import said
from imapdb.sql.columns import COLUMNS

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["functions"]

Call: TypeAlias = "tuple[str, Callable[[bytes], object]]"


def functions() -> dict[str, Callable[[str], list[Call]]]:
    """Give, by the first word of a kind, what names the functions for it."""
    return {
        "structure": lambda _: [("structure", _structure), ("fetched", _fetched)],
        "field": lambda _: [
            ("headers.decode_text", headers.decode_text),
            ("headers.decode_id", headers.decode_id),
            ("encoded_words", encoded_words.decode),
            ("addresses.format_list", addresses.format_list),
            ("addresses.first", addresses.first),
            ("dates", dates.sql_from_header),
            ("dates, internal", dates.sql_from_internaldate),
        ],
        "header": lambda _: [("header", _header), ("field_problems", field_problems.problems)],
        "parameters": lambda _: [("parameters", _parameters)],
        "base64": _transfer,
        "quoted-printable": _transfer,
        "uuencode": _transfer,
        "html": lambda _: [("html_text", lambda octets: html_text.to_text(octets.decode("utf-8", "replace")))],
        "flowed": lambda _: [("flowed", lambda octets: flowed.unflow(octets.decode()))],
        "name": lambda _: [("filenames.safe", lambda octets: filenames.safe(octets.decode("utf-8", "replace")))],
        "text": _text,
        "message": lambda _: [("walk", walk.walk), ("columns", _columns)],
    }


def _structure(octets: bytes) -> object:
    try:
        told = tokens([octets])
    except ProtocolError:
        return None
    tree = structure.parse(told[0] if told else None)
    return part_tree.attachments(tree), part_tree.text_parts(tree), part_tree.inline_texts(tree)


def _fetched(octets: bytes) -> object:
    try:
        return read_fetch([b"* 1 FETCH (UID 1 BODYSTRUCTURE " + octets + b")\r\n"])
    except ProtocolError:
        return None


def _header(octets: bytes) -> object:
    return headers.decode_json_headers(octets), headers.split_fields(octets)


def _parameters(octets: bytes) -> object:
    _, pairs = parameters.split(octets)
    return parameters.decode(pairs, lambda _: None)


def _transfer(kind: str) -> list[Call]:
    return [(f"transfer, {kind}", lambda octets: transfer.decode(octets, kind))]


def _text(kind: str) -> list[Call]:
    label = kind.partition(" ")[2] or None
    return [
        (f"body_text, {label}", lambda octets: body_text.decode(octets, label, is_html=False)),
        (f"body_text of html, {label}", lambda octets: body_text.decode(octets, label, is_html=True)),
        (f"charset, {label}", lambda octets: charset.decode(octets, label)),
    ]


def _columns(octets: bytes) -> object:
    """Make every column of a message that came whole."""
    message = Fetched(1)
    message.body = octets
    return [column.value(message) for column in COLUMNS], said.problems(message)
