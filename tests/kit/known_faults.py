"""What Python's `email` says of the parts of a message, and its known faults: where its answer is no measure.

Each fault has the smallest message that shows it, what `email` says of that, and what is right. Whether a part of any
message is touched by it is told by what `email` itself finds in that part, never by what imapdb does.
"""

from __future__ import annotations

import base64
import email
import email.policy
import re
from email.message import EmailMessage, Message
from typing import TYPE_CHECKING, Any, Final, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

__all__ = ["FAULTS", "FIELDS", "PARTS", "POLICIES", "Asked", "Fault", "Leaf", "Raised", "asked"]

POLICIES: Final = {"compat32": email.policy.compat32, "default": email.policy.default}
_ALL: Final = tuple(POLICIES)
_OLD: Final = ("compat32",)
_NEW: Final = ("default",)


class Raised(NamedTuple):
    """Instead of a value: the name of the exception that came."""

    name: str


class Leaf(NamedTuple):
    """A part without parts. `octets` are None where they are a message's, `text` is where it is no text."""

    type: Any
    filename: Any
    charset: Any
    disposition: Any
    octets: Any
    text: Any


FIELDS: Final = Leaf._fields
# The one fault that no part can tell of.
RAISES: Final = "a header that raises"
# Stands for all fields of a part and of those below it: it has other parts.
PARTS: Final = "parts"


class Asked(NamedTuple):
    """What `email` says of each part without parts, by section, and which faults touch which of its fields.

    `lost` are the sections whose parts it does not know, by the faults that tell so; "" is the whole message.
    """

    leaves: dict[str, Leaf]
    faults: dict[str, dict[str, list[str]]]
    lost: dict[str, list[str]]

    def is_lost(self, section: str) -> bool:
        """Tell whether a section is one of those, or inside of one."""
        return any(not top or section == top or section.startswith(f"{top}.") for top in self.lost)


class Found(NamedTuple):
    """A part as `email` has it, those around it, the whole message, and what was asked of it; None of a multipart."""

    part: Message
    above: tuple[Message, ...]
    message: bytes
    leaf: Leaf | None

    def told(self, *names: str) -> str:
        """Give header fields as they are written, one behind the other."""
        return "; ".join(self.fields(*names))

    def fields(self, *names: str) -> list[str]:
        """Give them one by one."""
        return [str(value) for key, value in self.part.raw_items() if key.lower() in names]

    @property
    def parameters(self) -> str:
        """Give the fields that have some."""
        return self.told("content-type", "content-disposition")

    @property
    def encoding(self) -> str:
        """Give the transfer encoding as it is written."""
        return self.told("content-transfer-encoding").strip().lower()

    @property
    def body(self) -> bytes:
        """Give the octets as they are encoded."""
        body = self.part._payload  # type: ignore[attr-defined] # get_payload() decodes octets
        return body.encode("ascii", "surrogateescape") if isinstance(body, str) else b""


class Fault(NamedTuple):
    """A fault, and the `fields` of a part it may show in; of the example it does in the first of these.

    `theirs` and `right` are that field of section 1 of the example; for parts the types by section. The first of the
    `policies` says what is `theirs`.
    """

    why: str
    fields: tuple[str, ...]
    example: bytes
    theirs: Any
    right: Any
    touches: Callable[[Found], bool]
    policies: tuple[str, ...] = _ALL


def asked(message: bytes, policy: str) -> Asked:
    """Ask `email` for all parts of a message but those of embedded messages."""
    answer = Asked({}, {}, {})
    parsed = _tried(lambda: email.message_from_bytes(message, policy=POLICIES[policy]))
    if isinstance(parsed, Raised):
        answer.lost[""] = [RAISES]
        return answer
    for section, part, above in _parts(parsed, "", ()):
        is_leaf = not _is_opened(part)
        found = Found(part, above, message, _leaf(part) if is_leaf else None)
        touching = [
            (name, fault) for name, fault in FAULTS.items() if policy in fault.policies and fault.touches(found)
        ]
        if lost := [name for name, fault in touching if PARTS in fault.fields]:
            answer.lost[section] = lost
        if found.leaf is not None:
            answer.leaves[section or "1"] = found.leaf
            answer.faults[section or "1"] = {
                field: [name for name, fault in touching if field in fault.fields] for field in FIELDS
            }
    return answer


def _is_opened(part: Message) -> bool:
    return part.get_content_maintype() == "multipart" and part.is_multipart()


def _parts(
    part: Message, section: str, above: tuple[Message, ...]
) -> Iterator[tuple[str, Message, tuple[Message, ...]]]:
    yield section, part, above
    if _is_opened(part):
        for number, inner in enumerate(part.get_payload(), 1):
            assert isinstance(inner, Message)
            yield from _parts(inner, f"{section}.{number}" if section else str(number), (*above, part))


def _leaf(part: Message) -> Leaf:
    octets = None if part.is_multipart() else _tried(lambda: part.get_payload(decode=True))
    is_text = octets is not None and part.get_content_maintype() == "text"
    return Leaf(
        part.get_content_type(),
        _tried(lambda: part.get_filename() or None),
        _tried(lambda: part.get_content_charset() or None),
        _tried(lambda: part.get_content_disposition() or None),
        octets,
        _tried(lambda: _text(part)) if is_text else None,
    )


def _text(part: Message) -> str:
    if isinstance(part, EmailMessage):
        text = part.get_content()
    else:
        octets = part.get_payload(decode=True)
        assert isinstance(octets, bytes)
        text = octets.decode(part.get_content_charset("us-ascii"))
    assert isinstance(text, str)
    # As a column has it, whoever decoded it: lines end with LF, and no NUL and no mark of the order of octets.
    return text.removeprefix("\ufeff").replace("\0", "").replace("\r\n", "\n").replace("\r", "\n")


def _tried(ask: Callable[[], Any]) -> Any:
    try:
        return ask()
    except Exception as error:  # noqa: BLE001 - whatever it is
        return Raised(type(error).__name__)


# What `email` finds in a part.

_TOKEN: Final = r"[!#$%&'*+.^_`{|}~0-9A-Za-z-]+"
_TYPE: Final = re.compile(rf"{_TOKEN}/{_TOKEN}")
_SURROGATE: Final = re.compile("[\ud800-\udfff]")
_BOUNDARY: Final = re.compile(rb"boundary\s*=\s*\"?([^\";\r\n]+)", re.IGNORECASE)
_FROM: Final = re.compile(rb"\nFrom [^\n]*(?:\n\r?\n|\n?\Z)")
_ENCODINGS: Final = ("base64", "quoted-printable", "x-uuencode", "uuencode", "uue", "x-uue")
_PIECE: Final = re.compile(r"[;\s](?:file)?name\*(\d+)\*?=")


def _has_defect(*names: str) -> Callable[[Found], bool]:
    return lambda found: any(type(defect).__name__ in names for defect in found.part.defects)


def _told(pattern: str) -> Callable[[Found], bool]:
    searched = re.compile(pattern, re.IGNORECASE)
    return lambda found: searched.search(found.parameters) is not None


def _encoded(encoding: str, pattern: bytes) -> Callable[[Found], bool]:
    searched = re.compile(pattern)
    return lambda found: encoding in found.encoding and searched.search(found.body) is not None


def _read_as(pattern: str) -> Callable[[Found], bool]:
    """Tell it by the text that comes."""
    searched = re.compile(pattern)
    return lambda found: found.leaf is not None and searched.search(str(found.leaf.text)) is not None


def _raises(*names: str) -> Callable[[Found], bool]:
    return lambda found: found.leaf is not None and any(Raised(name) in found.leaf for name in names)


def _has_no_type(found: Found) -> bool:
    told = found.part.get("content-type") is not None
    return told and not _TYPE.fullmatch(found.told("content-type").partition(";")[0].strip())


def _may_have_parts(found: Found) -> bool:
    told = found.told("content-type").lower()
    return _has_no_type(found) and ("multipart" in told or "message" in told)


def _boundary(part: Message) -> bytes:
    return str(part.get_boundary() or "").encode("utf-8", "surrogateescape")


def _shares_its_boundary(found: Found) -> bool:
    if found.part.get_content_maintype() != "multipart" or not (own := _boundary(found.part)):
        return False
    # Those of parts that it took for texts, too.
    told = _BOUNDARY.findall(found.message)
    return told.count(own) > 1 or own + b"--" in told or (own.endswith(b"--") and own.removesuffix(b"--") in told)


def _lines(pattern: bytes) -> Callable[[Found], bool]:
    """Look for lines of the message that hold the boundary of a part."""

    def has_lines(found: Found) -> bool:
        if found.part.get_content_maintype() != "multipart" or not (boundary := _boundary(found.part)):
            return False
        searched = pattern.replace(b"BOUNDARY", re.escape(boundary))
        return re.search(searched, found.message, re.MULTILINE) is not None

    return has_lines


def _lacks_a_piece(found: Found) -> bool:
    numbers = sorted(map(int, _PIECE.findall(found.parameters)))
    return bool(numbers) and numbers != list(range(len(numbers)))


def _squeezed(name: str) -> str:
    return re.sub("[^a-z0-9]", "", name)


def _is_last_and_open(found: Found) -> bool:
    """Tell whether it ends with the message, inside of what has no end."""
    ends = found.message.endswith((found.body, found.body + b"\n", found.body + b"\r\n"))
    return ends and any(_has_defect("CloseBoundaryNotFoundDefect")(found._replace(part=part)) for part in found.above)


def _is_base64_of_no_length(found: Found) -> bool:
    letters = re.sub(rb"[^A-Za-z0-9+/]", b"", found.body)
    return found.encoding == "base64" and len(letters) % 4 == 1


def _is_utf_8(found: Found) -> bool:
    octets = None if found.leaf is None else found.leaf.octets
    if not isinstance(octets, bytes) or octets.isascii() or found.part.get_content_charset() == "utf-8":
        return False
    try:
        octets.decode()
    except UnicodeDecodeError:
        return False
    return True


def _mail(*lines: str | bytes) -> bytes:
    return b"".join((line.encode() if isinstance(line, str) else line) + b"\r\n" for line in lines)


_MIXED: Final = "Content-Type: multipart/mixed; boundary="
_BASE64: Final = "Content-Transfer-Encoding: base64"
_QUOTED: Final = "Content-Transfer-Encoding: quoted-printable"

FAULTS: Final[Mapping[str, Fault]] = {
    # Which parts there are.
    RAISES: Fault(
        "there is no message then",
        (PARTS,),
        _mail("Content-Type: text/plain; name*", "", "hello"),
        {},
        {"1": "text/plain"},
        lambda found: False,
        _NEW,
    ),
    "a line that is no field ends a header": Fault(
        "what follows is read as the text; one line is broken, and not the message (Dovecot reads on)",
        (PARTS,),
        _mail("no colon here", "Content-Type: text/html", "", "<p>hello"),
        {"1": "text/plain"},
        {"1": "text/html"},
        _has_defect("MissingHeaderBodySeparatorDefect"),
    ),
    "a blank before the colon ends a header": Fault(
        "RFC 5322 4.5 has it",
        (PARTS,),
        _mail("Content-Type : text/html", "", "<p>hello"),
        {"1": "text/plain"},
        {"1": "text/html"},
        _has_defect("MissingHeaderBodySeparatorDefect"),
    ),
    "a multipart without a boundary": Fault(
        "it is one part of its own, of which it gives all lines as a text; there is nothing to tell its parts from",
        (PARTS,),
        _mail("Content-Type: multipart/mixed", "", "--b", "", "hello", "--b--"),
        {"1": "multipart/mixed"},
        {"1": "text/plain"},
        _has_defect("NoBoundaryInMultipartDefect"),
    ),
    "a multipart without parts": Fault(
        "the same",
        (PARTS,),
        _mail(f"{_MIXED}c", "", "--b", "", "hello", "--b--"),
        {"1": "multipart/mixed"},
        {"1": "text/plain"},
        _has_defect("StartBoundaryNotFoundDefect"),
    ),
    "a boundary with something behind it": Fault(
        "RFC 2046 5.1.1: a line need only begin with it",
        (PARTS,),
        _mail(f"{_MIXED}b", "", "--b", "", "one", "--bc", "", "two", "--b--"),
        {"1": "text/plain"},
        {"1": "text/plain", "2": "text/plain"},
        _lines(rb"^--BOUNDARY(?!(--)?[ \t]*\r?$)"),
    ),
    "the boundary of an inner multipart is the outer's": Fault(
        "the parts of the inner one are taken for the outer's, and the inner has none",
        (PARTS,),
        _mail(f"{_MIXED}b", "", "--b", f"{_MIXED}b", "", "--b", "", "one", "--b--", "--b", "", "two", "--b--"),
        {"1": "multipart/mixed", "2": "text/plain"},
        {"1.1": "text/plain", "2": "text/plain"},
        _shares_its_boundary,
    ),
    "a part between two boundaries": Fault(
        "RFC 2046 5.1.1: a part may be empty; it is left out, and all behind it have other numbers",
        (PARTS,),
        _mail(f"{_MIXED}b", "", "--b", "--b", "", "two", "--b--"),
        {"1": "text/plain"},
        {"1": "text/plain", "2": "text/plain"},
        _lines(rb"^--BOUNDARY[ \t]*\r?\n--BOUNDARY"),
    ),
    "a part behind the end of the message": Fault(
        "a boundary without a line end begins nothing",
        (PARTS,),
        _mail(f"{_MIXED}b", "", "--b", "", "one", "--b").removesuffix(b"\r\n"),
        {"1": "text/plain", "2": "text/plain"},
        {"1": "text/plain"},
        _lines(rb"^--BOUNDARY[ \t]*\Z"),
    ),
    "a multipart of no kind": Fault(
        "multipart/mixed is what all unknown ones are read as (RFC 2046 5.1.7), and the parts can be told",
        (PARTS,),
        _mail("Content-Type: multipart; boundary=b", "", "--b", "Content-Type: text/html", "", "<p>", "--b--"),
        {"1": "text/plain"},
        {"1": "text/html"},
        _may_have_parts,
    ),
    # Of what type they are.
    "a comment in a content type": Fault(
        "RFC 2045 5.1 allows it; it comes as part of the type",
        ("type", "text"),
        _mail("Content-Type: text/html (web); charset=utf-8", "", "<p>hello"),
        "text/html (web)",
        "text/html",
        lambda found: _has_no_type(found) and "(" in found.told("content-type"),
    ),
    "blanks in a content type": Fault(
        "RFC 822 3.1.4 allows them",
        ("type", "text"),
        _mail("Content-Type: text / html", "", "<p>hello"),
        "text / html",
        "text/html",
        lambda found: _has_no_type(found) and re.search(r"\s", found.told("content-type")) is not None,
    ),
    "a content type that is none": Fault(
        "RFC 2045 5.2 has it read as text/plain",
        ("type", "text"),
        _mail("Content-Type: /", "", "hello"),
        "/",
        "text/plain",
        _has_no_type,
    ),
    "an image of no kind": Fault(
        "it is no text",
        ("type", "text"),
        _mail("Content-Type: image", "", "hello"),
        "text/plain",
        "application/octet-stream",
        _has_no_type,
    ),
    # What they are called.
    "raw octets in a parameter": Fault(
        "most are UTF-8, or windows-1252",
        ("filename", "charset", "disposition"),
        _mail(b"Content-Type: image/png; name=Gr\xfc\xdfe", "", "hello"),
        "Gr\ufffd\ufffde",
        "Gr\u00fc\u00dfe",
        lambda found: _SURROGATE.search(found.parameters) is not None,
    ),
    "an encoded word in a parameter": Fault(
        "RFC 2047 5 forbids it and most mailers write it",
        ("filename",),
        _mail('Content-Type: image/png; name="=?utf-8?Q?Gr=C3=BC?="', "", "hello"),
        "=?utf-8?Q?Gr=C3=BC?=",
        "Gr\u00fc",
        _told(r"=\?"),
        _OLD,
    ),
    "a line end in a parameter": Fault(
        "it is no part of the value (RFC 5322 2.2.3)",
        ("filename", "charset"),
        _mail("Content-Type: image/png; name=a.png", "\tb", "", "hello"),
        "a.png\r\n\tb",
        "a.png\tb",
        _told(r'=(?:"[^"]*"|[^";\n])*\n[ \t]+[^;\s]'),
    ),
    "a comment before a parameter": Fault(
        "RFC 2045 5.1 allows it; the parameter is lost",
        ("charset", "text"),
        _mail("Content-Type: text/html; (x) charset=utf-8", "", "<p>hello"),
        None,
        "utf-8",
        _told(r";\s*\("),
        _OLD,
    ),
    "a comment behind a parameter": Fault(
        "the example of RFC 2045 5.1; it becomes a part of the value",
        ("charset", "text"),
        _mail("Content-Type: text/plain; charset=us-ascii (Plain text)", "", "hello"),
        "us-ascii (plain text)",
        "us-ascii",
        _told(r"=[^;]*\("),
        _OLD,
    ),
    "a comment without an end": Fault(
        "the parenthesis that is missing is put in",
        ("filename", "charset", "text"),
        _mail("Content-Type: image/png (x; name*=utf-8''a", "", "hello"),
        "a)",
        "a",
        lambda found: found.parameters.count("(") != found.parameters.count(")"),
        _NEW,
    ),
    "a disposition that is none": Fault(
        "the word is cut short, or has other signs in it than those of a word",
        ("disposition",),
        _mail("Content-Disposition: attach?ment", "", "hello"),
        "attach?ment",
        None,
        lambda found: any(
            re.fullmatch(_TOKEN, told.partition(";")[0].strip()) is None for told in found.fields("content-disposition")
        ),
    ),
    "a name that lacks a piece": Fault(
        "what was there is lost",
        ("filename",),
        _mail("Content-Type: image/png; name*0=a; name*2=c", "", "hello"),
        "a",
        "ac",
        _lacks_a_piece,
        _NEW,
    ),
    "a quotation without an end": Fault(
        "its mark is no part of the value",
        ("filename", "charset"),
        _mail('Content-Type: image/png; name="a.png', "", "hello"),
        '"a.png',
        "a.png",
        lambda found: any(told.count('"') % 2 for told in found.fields("content-type", "content-disposition")),
    ),
    "a parameter without a value hides the others": Fault(
        "of this name, and those of Content-Type",
        ("filename",),
        _mail("Content-Type: image/png; name=a", "Content-Disposition: attachment; filename", "", "hello"),
        None,
        "a",
        _told(r"name(?:\*\d*\*?=(?:[\w-]*'')?)?\s*(?:;|\Z)"),
    ),
    "a parameter that raises": Fault(
        "it has a star and no value",
        ("filename", "disposition"),
        _mail("Content-Disposition: attachment; filename*", "", "hello"),
        Raised("IndexError"),
        None,
        _raises("IndexError"),
        _NEW,
    ),
    "a value with a special character": Fault(
        "it ends there, or nothing of it comes",
        ("filename", "charset", "text"),
        _mail("Content-Type: image/png; name*0*=utf-8''a; name*1=b*3=d", "", "hello"),
        "ab",
        "ab*3=d",
        _told(r'=(?!\?)[^";]*[]()<>@,:\\/[?=]'),
        _NEW + _OLD,
    ),
    "a starred value without its charset": Fault(
        "nothing of it comes",
        ("filename",),
        _mail("Content-Type: image/png; name*=utf-8'a", "", "hello"),
        None,
        "utf-8'a",
        _told(r"\*=[^;']*(?:'[^;']*)?(?:;|\Z)"),
        _NEW,
    ),
    # What they hold.
    "an encoding with something behind it": Fault(
        "a comment is allowed there; it is not decoded",
        ("octets", "text"),
        _mail("Content-Transfer-Encoding: base64 (x)", "", "aGk="),
        b"aGk=\r\n",
        b"hi",
        lambda found: re.search(r"[(;\s]", found.encoding) is not None,
    ),
    "an encoding that is misspelt": Fault(
        "there is no other of that name",
        ("octets", "text"),
        _mail("Content-Transfer-Encoding: base-64", "", "aGk="),
        b"aGk=\r\n",
        b"hi",
        lambda found: found.encoding not in _ENCODINGS and _squeezed(found.encoding) in map(_squeezed, _ENCODINGS),
    ),
    "base64 behind its padding": Fault(
        "what was encoded in pieces ends with the first of these",
        ("octets", "text"),
        _mail(_BASE64, "", "aGk=", "aGk="),
        b"hi",
        b"hihi",
        _encoded("base64", rb"=[^A-Za-z0-9+/]*[A-Za-z0-9+/]"),
    ),
    "base64 that is cut inside an octet": Fault(
        "it is not decoded at all",
        ("octets", "text"),
        _mail(_BASE64, "", "aGVsbG8gd29yb"),
        b"aGVsbG8gd29yb",
        b"hello wor",
        _is_base64_of_no_length,
    ),
    "uuencode with an empty line": Fault(
        "it is not decoded at all",
        ("octets", "text"),
        _mail("Content-Transfer-Encoding: x-uuencode", "", "begin 644 a", "", "#86)C", "`", "end"),
        b"begin 644 a\r\n\r\n#86)C\r\n`\r\nend\r\n",
        b"abc",
        lambda found: "uu" in found.encoding and found.leaf is not None and found.leaf.octets == found.body,
    ),
    "blanks at the ends of lines": Fault(
        "RFC 2045 6.7 (3): they were added on the way",
        ("octets", "text"),
        _mail(_QUOTED, "", "a  "),
        b"a  \r\n",
        b"a\r\n",
        _encoded("quoted-printable", rb"[ \t](?:\r?\n|\Z)"),
    ),
    "a broken escape": Fault(
        "RFC 2045 6.7 has it left as it is; of two signs one is lost",
        ("octets", "text"),
        _mail(_QUOTED, "", "a==41"),
        b"a=41\r\n",
        b"a=A\r\n",
        _encoded("quoted-printable", rb"=(?![0-9A-Fa-f]{2}|\r?\n)"),
    ),
    "a From line at the end of a header": Fault(
        "it is taken for the first line of the text (Dovecot passes over it)",
        ("octets", "text"),
        _mail("Subject: x", "From ada@example.org Thu Feb 29 10:00:00 2024", "", "hello"),
        b"From ada@example.org Thu Feb 29 10:00:00 2024\r\nhello\r\n",
        b"hello\r\n",
        lambda found: found.body.startswith(b"From ") and _FROM.search(found.message) is not None,
    ),
    "a boundary that ends with a blank": Fault(
        "RFC 2046 5.1.1 forbids it; the blank is cut off, and the lines are looked for without it (not by Dovecot)",
        ("octets", "text"),
        _mail(f'{_MIXED}"b "', "", "--b", "", "hello", "--b--"),
        b"hello",
        b"",
        lambda found: any(re.search(r"boundary=\"[^\"]*\s\"", str(part["content-type"])) for part in found.above),
    ),
    "a last line end": Fault(
        "of the last part, where the last boundary is missing: it is no boundary's",
        ("octets", "text"),
        _mail(f"{_MIXED}b", "", "--b", "", "hello"),
        b"hello",
        b"hello\r\n",
        _is_last_and_open,
    ),
    # What they say.
    "a charset that nobody knows": Fault(
        "it raises",
        ("text",),
        _mail("Content-Type: text/plain; charset=x-nobody", "", "hello"),
        Raised("LookupError"),
        "hello\n",
        _raises("LookupError"),
    ),
    "a charset without a value": Fault(
        "it raises",
        ("text",),
        _mail("Content-Type: text/plain; charset", "", "hello"),
        Raised("LookupError"),
        "hello\n",
        _raises("LookupError"),
    ),
    "octets that are not in the charset": Fault(
        "they are lost; most are of another charset, which can be told",
        ("text",),
        _mail("Content-Type: text/plain; charset=utf-8", "", b"Gr\xfc\xdfe"),
        "Gr\ufffd\ufffde\n",
        "Gr\u00fc\u00dfe\n",
        _read_as("\ufffd"),
        _NEW,
    ),
    "gb2312 to the letter": Fault(
        "the Encoding Standard has it read as gb18030, which it is",
        ("text",),
        _mail("Content-Type: text/plain; charset=gb2312", "", "\u767c\u7968".encode("gb18030")),
        "\ufffdl\u7968\n",
        "\u767c\u7968\n",
        _read_as("\ufffd"),
        _NEW,
    ),
    "octets that are not in the charset, by the older policy": Fault(
        "whoever decodes by the charset of the part finds that it raises",
        ("text",),
        _mail("", b"Gr\xfc\xdfe"),
        Raised("UnicodeDecodeError"),
        "Gr\u00fc\u00dfe\n",
        _raises("UnicodeDecodeError"),
        _OLD,
    ),
    "ISO 8859-1 to the letter": Fault(
        "the Encoding Standard has it read as windows-1252, which it is",
        ("text",),
        _mail("Content-Type: text/plain; charset=iso-8859-1", "", b"\x93hello\x94"),
        "\x93hello\x94\n",
        "\u201chello\u201d\n",
        _read_as("[\x80-\x9f]"),
    ),
    "UTF-16 under another name": Fault(
        "there is a byte order mark",
        ("text",),
        _mail(
            "Content-Type: text/plain; charset=iso-8859-1",
            _BASE64,
            "",
            base64.b64encode("\ufeffhi".encode("utf-16-le")),
        ),
        "\xff\xfehi",
        "hi",
        lambda found: found.leaf is not None and str(found.leaf.text).startswith(("\xff\xfe", "\xfe\xff")),
    ),
    "UTF-8 under another name": Fault(
        "several sequences of UTF-8 are none by chance",
        ("text",),
        _mail("Content-Type: text/plain; charset=iso-8859-2", "", "Gr\u00fc\u00dfe aus M\u00fcnchen"),
        "Gr\u0102\u017a\u0102\x9fe aus M\u0102\u017anchen\n",
        "Gr\u00fc\u00dfe aus M\u00fcnchen\n",
        _is_utf_8,
    ),
}
