"""LIST and NAMESPACE: which mailboxes there are (RFC 3501 6.3.8, RFC 5258, RFC 2342)."""

from __future__ import annotations

import dataclasses
import unicodedata
from collections import deque
from typing import TYPE_CHECKING, NamedTuple

from imapclient.imap_utf7 import decode as utf7_decode

from imapdb.errors import ProtocolError, ServerRefused, UnsendableValue
from imapdb.imap.tokens import Token, tokens
from imapdb.imap.wire import Literal, quoted

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from imapdb.imap.wire import Argument, Pending, Response, Wire

__all__ = ["Listing", "Mailbox", "Namespaces", "check_name", "list_mailboxes", "mailbox_argument"]

SPECIAL_USES = frozenset(
    rb"\all \archive \drafts \flagged \junk \sent \trash \important".split(),  # RFC 6154, RFC 8457
)

# Namespaces of what is no mail of anybody here: all of a news server, its file system, the homes of all its users.
_NOT_LISTED = (b"#news.", b"#ftp/", b"~")

# Controls, surrogates and line ends. Other blanks may be in a name (U+3000 in Japanese), and so may joiners.
_NOT_IN_NAMES = frozenset({"Cc", "Cs", "Zl", "Zp"})


@dataclasses.dataclass(frozen=True, slots=True)
class Mailbox:
    """A mailbox as LIST tells it. `name` is decoded from modified UTF-7; `wire_name` is as the server wrote it."""

    name: str
    wire_name: bytes
    delimiter: str | None
    attributes: tuple[str, ...]
    subscribed: bool | None

    @property
    def is_selectable(self) -> bool:
        r"""Whether messages can be read from it (no `\Noselect`, no `\NonExistent`)."""
        return not {a.lower() for a in self.attributes} & {"\\noselect", "\\nonexistent"}

    @property
    def special_use(self) -> str | None:
        r"""The first special use, such as `\Sent` (RFC 6154), or None."""
        return next((a for a in self.attributes if a.lower().encode() in SPECIAL_USES), None)


def check_name(name: str) -> None:
    """Raise UnsendableValue for a name no mailbox can have: with CR, LF or NUL in it, or half of a character."""
    if any(char in "\r\n\0" or "\ud800" <= char <= "\udfff" for char in name):
        raise UnsendableValue(f"{name!r} cannot be the name of a mailbox; nothing was sent")


def mailbox_argument(wire_name: bytes) -> Argument:
    """Write a mailbox's name for a command; names that arrived as literals go back as literals."""
    try:
        return quoted(wire_name)
    except UnsendableValue:
        if any(byte in wire_name for byte in (b"\r", b"\n", b"\0")):
            raise
        return Literal(wire_name)


@dataclasses.dataclass(slots=True)
class Namespaces:
    """What a server said of its namespaces, kept from one listing to the next (RFC 2342).

    `apart` are the prefixes of those that `LIST "" "*"` leaves out: other people's mailboxes and shared ones, as a
    server is free to do. None until it has been asked.
    """

    apart: tuple[bytes, ...] | None = None


class Listing(NamedTuple):
    """What LIST told: the mailboxes, and the responses they were read from."""

    mailboxes: list[Mailbox]
    responses: list[Response]


def list_mailboxes(
    wire: Wire, capabilities: frozenset[str], namespaces: Namespaces | None = None, *, returning: bytes = b""
) -> Listing:
    """Ask for every mailbox of the account, selectable or not, in the order of the server.

    `returning` is one more option of RETURN, for a server that offers LIST-EXTENDED.

    One round trip: LIST-EXTENDED brings subscriptions and special uses along (RFC 5258, RFC 6154); elsewhere LSUB goes
    out with LIST, as NAMESPACE does where that is not known yet. Only the first listing of a server that may keep
    namespaces apart takes another one, for what is in those.
    """
    namespaces = Namespaces() if namespaces is None else namespaces
    is_first = namespaces.apart is None and "NAMESPACE" in capabilities
    extended = "LIST-EXTENDED" in capabilities
    returned: tuple[Argument, ...] = ()
    if extended:
        options = [b"SUBSCRIBED", *([b"SPECIAL-USE"] if "SPECIAL-USE" in capabilities else [])]
        returned = (b"RETURN", b"(%s)" % b" ".join([*options, *([returning] if returning else [])]))
    everything: tuple[Argument, ...] = (b'""', b'"*"')
    refused: list[str] = []
    if is_first:
        _ask_beside(wire, refused, "NAMESPACE")
    for prefix in namespaces.apart or ():
        _ask_beside(wire, refused, "LIST", b'""', _pattern(prefix), *returned)
    if not extended:
        _ask_beside(wire, refused, "LSUB", *everything)
    # What came for the others is kept for this one, which is sent in one packet with them.
    responses = wire.run("LIST", *everything, *returned)
    if is_first:
        names = {wire_name for _, _, wire_name in _list_lines(responses, b"* LIST ")}
        namespaces.apart = tuple(prefix for prefix in _prefixes(responses) if _is_apart(prefix, names))
        for prefix in namespaces.apart:
            _ask_beside(wire, refused, "LIST", b'""', _pattern(prefix), *returned)
        if namespaces.apart:
            responses += wire.run("NOOP")
    subscribed: set[bytes] | None = None
    if not extended and "LSUB" not in refused:
        subscribed = {name for _, _, name in _list_lines(responses, b"* LSUB ")}
    return Listing(_mailboxes(responses, subscribed, extended=extended), responses)


def _ask_beside(wire: Wire, refused: list[str], command: str, *arguments: Argument) -> None:
    """Send a command ahead that may be refused without harm: then it is noted as such.

    No NAMESPACE, or no subscriptions (IMAP4rev2 dropped LSUB): not known is not an error.
    """

    def answered(pending: Pending, responses: Iterator[Response]) -> None:
        try:
            deque(responses, 0)
        except (ServerRefused, ProtocolError):
            if pending.conclusion is None:
                raise
            refused.append(command)

    wire.send_ahead(answered, command, *arguments)


def _mailboxes(responses: list[Response], subscribed: set[bytes] | None, *, extended: bool) -> list[Mailbox]:
    """Make mailboxes of LIST lines; what is subscribed is said in them where LIST is `extended`."""
    found: dict[str, Mailbox] = {}
    for attributes, delimiter, wire_name in _list_lines(responses, b"* LIST "):
        is_subscribed: bool | None = None
        if extended:
            is_subscribed = "\\subscribed" in {a.lower() for a in attributes}
        elif subscribed is not None:
            is_subscribed = wire_name in subscribed
        name = _decode_name(wire_name)
        if name is None or name in found:
            # It cannot be named in a command, or is another spelling of one that is there (`inbox` beside INBOX).
            continue
        found[name] = Mailbox(name, wire_name, delimiter, attributes, is_subscribed)
    return list(found.values())


def _prefixes(responses: list[Response]) -> list[bytes]:
    """Read the prefixes of all namespaces: one's own, other users', shared (RFC 2342 5)."""
    prefixes: list[bytes] = []
    for response in responses:
        if response[0][:12].upper() != b"* NAMESPACE ":
            continue
        try:
            kinds = tokens(response, 12)
        except ProtocolError:
            # An answer that is none names none.
            continue
        for kind in kinds:
            for namespace in kind if isinstance(kind, list) else ():
                match namespace:
                    case [bytes(prefix), *_]:
                        prefixes.append(prefix)
    return prefixes


def _is_apart(prefix: bytes, names: set[bytes]) -> bool:
    """Say whether `LIST "" "*"` left a namespace out, going by the names it told."""
    if not prefix or prefix.startswith(_NOT_LISTED) or any(byte in prefix for byte in (b"\r", b"\n", b"\0")):
        return False
    if prefix[:5].upper() == b"INBOX":
        # One's own mailboxes beneath INBOX (`INBOX.`), as Courier has them: nobody leaves those out.
        return False
    return not any(name.startswith(prefix) for name in names)


def _pattern(prefix: bytes) -> Argument:
    return mailbox_argument(prefix + b"*")


def _list_lines(responses: Iterable[Response], head: bytes) -> Iterable[tuple[tuple[str, ...], str | None, bytes]]:
    for response in responses:
        if response[0][: len(head)].upper() != head:
            continue
        match tokens(response, len(head)):
            case [list(attributes), (bytes() | None) as delimiter, bytes(name), *_] if name:
                yield _words(attributes), delimiter.decode("utf-8", "replace") if delimiter else None, name
            case _:
                # A line that is no LIST line names no mailbox; the others still do.
                continue


def _words(values: list[Token]) -> tuple[str, ...]:
    return tuple(value.decode("ascii", "replace") for value in values if isinstance(value, bytes))


def _decode_name(wire_name: bytes) -> str | None:
    """Decode a name; None for one that no command can hold. What is no modified UTF-7 is shown escaped."""
    if any(byte in wire_name for byte in (b"\r", b"\n", b"\0")):
        return None
    if wire_name.upper() == b"INBOX":
        return "INBOX"
    try:
        if wire_name.isascii():
            name: str = utf7_decode(wire_name)
        else:
            # No modified UTF-7: some servers hand out raw UTF-8 without UTF8=ACCEPT. It is selected by its wire name.
            name = wire_name.decode("utf-8", "backslashreplace")
    except (ValueError, LookupError):
        name = ""
    if not name or any(unicodedata.category(char) in _NOT_IN_NAMES for char in name):
        escaped = wire_name.decode("ascii", "backslashreplace")
        return "".join(char if char.isprintable() else f"\\x{ord(char):02x}" for char in escaped)
    return name
