"""Octets made to be slow: each grows to any size, and belongs to functions that might take too long over them."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

__all__ = ["Input", "inputs", "messages"]


class Input(NamedTuple):
    """What is read, the `kind` of functions that read such, and how to make about so many octets of it."""

    kind: str
    name: str
    make: Callable[[int], bytes]


def _repeated(unit: bytes, size: int, *, head: bytes = b"", tail: bytes = b"") -> bytes:
    return head + unit * max(1, (size - len(head) - len(tail)) // len(unit)) + tail


# The units that are tried at full length; the others only where everything is asked for.
_USUAL = frozenset(
    {
        b"(", b'"', b"<", b",", b"=?", b"=", b"!", b"&", b";", b" ", b"\\", b"\xff", b"=zz", b"\r\n ", b"a@b,",
        b"a:b;", b"<a@b>", b"=?utf-8?q?a?= ", b'"a" <a@b>, ', b'("text" "plain" ("charset" "x") NIL NIL "7bit" 1 1)',
        b"A:b\n", b"a\r\n", b";a*0*=utf-8''%41", b"#86)C\n", b"\x1b$B", b"> a \n>> b \n", b"<div>", b"<td>",
        b"<blockquote>", b"<!--", b"a", b'<a href="http://a">b</a>', b"<ul><li>", b"<script>", b"<br>",
    }
)  # fmt: skip
# What BODYSTRUCTURE is made of, and what it is not.
_STRUCTURES = (
    b"(", b"()", b"( ", b")", b'"', b'"a" ', b'""', b"\\", b'\\"', b"NIL ", b"{", b"{1", b"BODY[", b"]", b"a", b" ",
    b"1 ", b"(((", b'("text" "plain" NIL NIL NIL "7bit" 1 1)', b'("text" "plain" ("charset" "x") NIL NIL "7bit" 1 1)',
    b'("message" "rfc822" NIL NIL NIL "7bit" 1 NIL ', b"(NIL NIL)", b'("a" "b" "c")', b"\xff", b"(()", b'("',
)  # fmt: skip
# What stands in a header.
_FIELDS = (
    b"(", b")", b"()", b"\\", b'"', b'\\"', b'"" ', b"<", b">", b"<>", b"<<>", b",", b";", b":", b"@", b".", b" ",
    b"\t", b"\r\n ", b"\n\t", b"[", b"]", b"=?", b"?=", b"=", b"_", b"a", b"a ", b"=?utf-8?", b"=?utf-8?q?",
    b"=?utf-8?q?a?=", b"=?utf-8?q?a?= ", b"=?utf-8?b?QQ==?= ", b"=?utf-8?b?", b"=?a?q?=41?=", b"=?utf-8*en?q?a?= ",
    b"=?iso-2022-jp?b?GyRC?= ", b"a@b,", b"a@b ", b'"a" <a@b>, ', b"<a@b>", b"<@a,@b:c@d>, ", b"a:b;", b"a:b@c;,",
    b"undisclosed:;", b"a (", b"a (b) ", b"a.", b"a@[", b"a b <c@d> ", b"\xff", b"\xc3\xa4", b"\xc3", b"\x1b$B",
    b"\0", b"\r", b"%", b"'", b"*", b"=?=?", b"<a@b> <", b"=?utf-8?q?=?=", b"xn--a.", b"a@xn--", b", ,", b"mon, ",
    b"1 ", b"12:", b"Jan ", b"+0100 ",
)  # fmt: skip
_LINES = (
    b"A: b\r\n", b"A:\r\n", b"\r\n ", b"a\r\n", b": \r\n", b"A b: c\r\n", b"To: a@b\r\n", b"From: <\r\n",
    b"Subject: =?\r\n", b"Received: (((\r\n", b"\r", b"A:b\n", b"References: <a@b>\r\n <",
    b"Content-Type: a/b; c=d\r\n", b"Date: 1\r\n",
)  # fmt: skip
_PARAMETERS = (
    b";", b"; ", b";a", b";a=", b";a=b", b';a="', b';a="b"', b';a="b\\', b";a*=", b";a*0=b", b";a*0*=utf-8''%41",
    b";a*=b'c'd", b";a*=%", b"=", b'"', b"\\", b"*", b"'", b"a ", b"; a = b", b";filename=a", b";boundary=", b"(",
    b"\xff",
)  # fmt: skip
_BASE64 = (b"=", b"A", b"A=", b"QQ==", b"AAAA\r\n", b"!", b"A!", b"\r\n", b"\xff", b"=A", b"====A", b"-_", b" ")
_QUOTED = (
    b"=", b"=\r\n", b"=\r", b"=\n", b"=4", b"=41", b"=zz", b" ", b" \r\n", b"\t\n", b" =", b"= ", b"= \r\n", b"\xff",
    b"a", b"==", b"=\r \n", b"\r", b"a \n", b"_",
)  # fmt: skip
_UU = (
    b"begin 644 a\n",
    b"M",
    b"M\n",
    b"\n",
    b"#86)C\n",
    b"end\n",
    b"begin ",
    b"`\n",
    b"begin 644 a\nend\n",
    b" ",
    b"\xff\n",
)
_TEXTS = (
    b"a", b"\xff", b"\xc3\xa4", b"\xc3", b"\xe4", b"\0", b"\r", b"\r\n", b"\x1b$B", b"\x1b", b"\x1b(J\\", b"+",
    b"+AGE-", b"+2AA-", b"~{", b"~", b"\x81", b"\x81\x30", b"<meta charset=", b"<meta ", b"<", b"charset=", b"a\0",
    b"\0a", b"\xfe\xff", b"\xef\xbb\xbf", b"Gr\xfc\xdfe\r\n", b"\xe2\x82",
)  # fmt: skip
_CHARSETS = ("", "us-ascii", "utf-8", "iso-2022-jp", "utf-7", "gb2312", "shift_jis", "utf-16", "x-unknown")
_HTML = (
    b"<div>", b"</div>", b"<div></div>", b"<", b">", b"</", b"<!", b"<!--", b"<!-->", b"-->", b"<!-- -->", b"&",
    b"&a", b"&#", b"&#9", b"&#x", b"&amp;", b"&amp", b"<a", b"<a ", b"<a b", b"<a b=", b'<a b="', b"<a b='c' ",
    b'<a href="http://a">b</a>', b"<a href=http://a>", b"<script>", b"<style>", b"</script>", b"<script", b"<table>",
    b"<tr>", b"<td>", b"<table><tr><td>", b"<td>a</td>", b"<tr><td>a", b"<ul>", b"<ul><li>", b"<ol><li>a", b"<li>",
    b"<blockquote>", b"<blockquote>a", b"<p>", b"<br>", b"a<br>", b"<pre>", b"<pre>a\n", b"<b>", b"<b><i></b>",
    b"<b><p>", b"<p hidden>", b"<div style=display:none>", b"<svg>", b"<template>", b"<select>", b"<title>",
    b"<textarea>", b"<plaintext>", b"<img alt=a>", b"<![CDATA[", b"<?", b"a ", b" ", b"\n", b"\xc2\xa0",
    b"\xe2\x80\x8b", b"\xe2\x80\x8c ", b"<h1>a", b"<hr>", b"<math><mi>", b"<form>", b"<font color=a>",
    b"<a href='mailto:", b"<td width=1>",
)  # fmt: skip
_FLOWED = (b"a \n", b"> ", b">", b"> \n", b"> a \n", b"> a \n>> b \n", b" \n", b"\n", b"-- \n", b" ", b"a \n> b \n")
_NAMES = (
    b"a",
    b".",
    b"..",
    b"/",
    b"\\",
    b" ",
    b". ",
    b".a",
    b"CON.",
    b"\xcc\x88",
    b"a\xcc\x88",
    b"\xe2\x80\xae",
    b"%2f",
    b"\xff",
)


def inputs(*, every: bool) -> Iterator[Input]:
    """Give the usual inputs, or every one."""
    for unit, each in _of_units():
        if every or unit in _USUAL:
            yield each
    yield Input("parameters", "pieces, numbered", _pieces)
    yield Input("parameters", "pieces, backwards", _pieces_backwards)
    yield Input("parameters", "names, all others", _others)
    yield Input("structure", "attachments", _described)
    yield from (Input("message", name, make) for name, make in messages().items())


def _of_units() -> Iterator[tuple[bytes, Input]]:
    for kind, units in (
        ("structure", _STRUCTURES), ("field", _FIELDS), ("header", _LINES), ("parameters", _PARAMETERS),
        ("base64", _BASE64), ("quoted-printable", _QUOTED), ("html", _HTML), ("flowed", _FLOWED), ("name", _NAMES),
    ):  # fmt: skip
        for unit in units:
            yield unit, Input(kind, _named(unit), partial(_repeated, unit))
    for unit in _UU:
        yield unit, Input("uuencode", _named(unit), partial(_repeated, unit))
        yield unit, Input("uuencode", f"begin, {_named(unit)}", partial(_repeated, unit, head=b"begin 644 a\n"))
    for unit in _FIELDS:
        yield (
            unit,
            Input("header", f"Subject: {_named(unit)}", partial(_repeated, unit, head=b"Subject: ", tail=b"\r\n")),
        )
        yield unit, Input("header", f"To: {_named(unit)}", partial(_repeated, unit, head=b"To: ", tail=b"\r\n"))
    for unit in (b"<", b" ", b"<a@b> ", b"(", b"a", b"<a b>", b"<>"):
        yield unit, Input("header", f"References: {_named(unit)}", partial(_repeated, unit, head=b"References: "))
        yield unit, Input("header", f"Date: {_named(unit)}", partial(_repeated, unit, head=b"Date: "))
    for unit in _PARAMETERS:
        yield (
            unit,
            Input("header", f"Content-Type: {_named(unit)}", partial(_repeated, unit, head=b"Content-Type: a/b")),
        )
    for unit in (b"a<b", b"'a", b'"a', b"a "):
        yield unit, Input("html", f"in a tag: {_named(unit)}", partial(_repeated, unit, head=b"<a b="))
        yield unit, Input("html", f"in a comment: {_named(unit)}", partial(_repeated, unit, head=b"<!-- "))
        yield unit, Input("html", f"in a script: {_named(unit)}", partial(_repeated, unit, head=b"<script>"))
    for charset in _CHARSETS:
        for unit in _TEXTS:
            yield unit, Input(f"text {charset}", _named(unit), partial(_repeated, unit))


def messages() -> dict[str, Callable[[int], bytes]]:
    """Give the messages, which a server may be asked about, too."""
    made: dict[str, Callable[[int], bytes]] = {
        "multiparts in multiparts": _nested,
        "multiparts in multiparts, never closed": partial(_nested, is_closed=False),
        "multiparts of one boundary": partial(_nested, boundary="b"),
        "multiparts, each boundary the beginning of the next": partial(_nested, boundary="{1}"),
        "messages in messages": partial(_repeated, b"Content-Type: message/rfc822\r\n\r\n"),
        "50,000 parts and more": partial(_repeated, b"--b\r\n\r\na\r\n", head=_HEAD + _MIXED, tail=b"--b--\r\n"),
        "parts with a header": partial(
            _repeated, b"--b\r\nContent-Type: text/html\r\n\r\n<p>a\r\n", head=_HEAD + _MIXED, tail=b"--b--\r\n"
        ),
        "attachments": partial(
            _repeated,
            b'--b\r\nContent-Type: image/png; name="a"\r\nContent-Disposition: attachment; filename="a"\r\n\r\na\r\n',
            head=_HEAD + _MIXED,
        ),
        "alternatives": partial(
            _repeated, b"--b\r\nContent-Type: multipart/alternative\r\n\r\n", head=_HEAD + _MIXED, tail=b"--b--\r\n"
        ),
        "boundaries that are none": partial(_repeated, b"--bc\r\n--\r\n--b c", head=_HEAD + _MIXED),
        "closed again and again": partial(_repeated, b"--b--\r\n", head=_HEAD + _MIXED),
        "parts that are cut": partial(_repeated, b"--b\r\nContent-Type: text/plain", head=_HEAD + _MIXED),
        "one line": partial(_repeated, b"a", head=_HEAD + b"\r\n"),
        "a header without end": partial(_repeated, b"a", head=_HEAD + b"X: "),
        "a folded header": partial(_repeated, b"\r\n a", head=_HEAD + b"Subject: a"),
        "fields": partial(_repeated, b"X: a\r\n", head=_HEAD),
        "fields with another name each": _named_fields,
        "Content-Type again": partial(_repeated, b"Content-Type: a/b; c=d\r\n", head=_HEAD),
        "lines that are no fields": partial(_repeated, b"a\r\n", head=_HEAD),
        "line ends": partial(_repeated, b"\r\n", head=_HEAD),
        "CR": partial(_repeated, b"\r", head=_HEAD),
        "html": partial(_repeated, b"<div>", head=_HEAD + b"Content-Type: text/html\r\n\r\n"),
        "html in quoted-printable": partial(
            _repeated, b"=3Cp=3E=\r\n",
            head=_HEAD + b"Content-Type: text/html\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n",
        ),
        "base64": partial(_repeated, b"QQ==!\r\n", head=_HEAD + b"Content-Transfer-Encoding: base64\r\n\r\n"),
        "quotes that are flowed": partial(
            _repeated, b"> a \r\n>> b \r\n", head=_HEAD + b"Content-Type: text/plain; format=flowed\r\n\r\n"
        ),
        "uuencode": partial(_repeated, b"begin 644 a\r\n#86)C\r\nend\r\n", head=_HEAD + b"\r\n"),
    }  # fmt: skip
    for unit in (b"<", b'"', b",", b"(", b"=?", b"a@b, ", b"=?utf-8?q?a?= "):
        made[f"To: {_named(unit)}"] = partial(_repeated, unit, head=_HEAD + b"To: ", tail=b"\r\n\r\n")
    return made


_HEAD = b"From: a@example.org\r\nSubject: hostile\r\nMIME-Version: 1.0\r\n"
_MIXED = b"Content-Type: multipart/mixed; boundary=b\r\n\r\n"


def _named(unit: bytes) -> str:
    return repr(unit)[2:-1]


def _nested(size: int, *, boundary: str = "b{0:07}", is_closed: bool = True) -> bytes:
    opened: list[bytes] = []
    written = bytearray(_HEAD)
    half = size // 2 if is_closed else size
    while len(written) < half:
        # The boundary after the letters is no longer than mail programs take.
        name = boundary.format(len(opened), "b" * min(len(opened) + 1, 70)).encode()
        opened.append(name)
        written += b"Content-Type: multipart/mixed; boundary=%s\r\n\r\n--%s\r\n" % (name, name)
    written += b"Content-Type: text/plain\r\n\r\na\r\n"
    if is_closed:
        written += b"".join(b"--%s--\r\n" % name for name in reversed(opened))
    return bytes(written)


def _pieces(size: int) -> bytes:
    return b"attachment" + b"".join(b"; filename*%d=a" % n for n in range(size // 20))


def _pieces_backwards(size: int) -> bytes:
    return b"attachment" + b"".join(b"; filename*%d*=%%41" % n for n in range(size // 24, -1, -1))


def _others(size: int) -> bytes:
    return b"attachment" + b"".join(b"; x%d=a" % n for n in range(size // 12))


def _named_fields(size: int) -> bytes:
    return _HEAD + b"".join(b"X-%d: a\r\n" % n for n in range(size // 14)) + b"\r\n"


def _described(size: int) -> bytes:
    one = b'("image" "png" ("name" "a.png") "<a@b>" NIL "base64" 9 NIL ("attachment" ("filename" "a.png")) NIL NIL)'
    return _repeated(one, size, head=b"(", tail=b' "mixed")')
