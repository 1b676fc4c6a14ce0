"""Words of a body: what the default mode misses where the server is asked for them, and `search=exact` finds."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, NamedTuple

import pytest

from tests.test_losses import Case, count

if TYPE_CHECKING:
    from tests.kit.servers import Login


class Body(NamedTuple):
    fields: bytes
    body: bytes
    column: str
    needle: str


HTML = b"Content-Type: text/html; charset=utf-8"
PLAIN = b"Content-Type: text/plain; charset=utf-8"
BASE64 = b"\r\nContent-Transfer-Encoding: base64"
QUOTED = b"\r\nContent-Transfer-Encoding: quoted-printable"

LOST = {
    "a word cut by a tag": Body(HTML, b"<p><b>B</b>udget</p>", "text", "budget"),
    "a letter written as an entity": Body(HTML, b"<p>b&#117;dget</p>", "text", "budget"),
    "a soft hyphen in html": Body(HTML, b"<p>bud&shy;get</p>", "text", "budget"),
    "delsp": Body(b"Content-Type: text/plain; format=flowed; delsp=yes", b"bud \r\nget\r\n", "text", "budget"),
    "uuencode": Body(
        PLAIN + b"\r\nContent-Transfer-Encoding: x-uuencode",
        b"begin 644 a.txt\r\n&8G5D9V5T\r\n`\r\nend\r\n",
        "text",
        "budget",
    ),
}
FOUND = {
    "a word": Body(PLAIN, b"the budget\r\n", "text", "budget"),
    "in another case": Body(PLAIN, b"the BUDGET\r\n", "text", "budget"),
    "base64": Body(PLAIN + BASE64, base64.encodebytes(b"the budget of it"), "text", "budget"),
    "a soft line break": Body(PLAIN + QUOTED, b"the bud=\r\nget", "text", "budget"),
    "ISO-8859-1": Body(
        b"Content-Type: text/plain; charset=iso-8859-1" + BASE64,
        base64.encodebytes(b"Gr\xfc\xdfe, budget"),
        "text",
        "ße, bud",
    ),
    "UTF-16": Body(
        b"Content-Type: text/plain; charset=utf-16" + BASE64,
        base64.encodebytes("budget".encode("utf-16")),
        "text",
        "budget",
    ),
    "letters by name": Body(HTML, b"<p>Gr&uuml;&szlig;e</p>", "text", "grüße"),
    "a text in html, as written": Body(HTML, b"<p>Gr&uuml;&szlig;e</p>", "html", "Gr&uuml;"),
    "the number of a list, which html does not say": Body(HTML, b"<ol><li>budget<li>b</ol>", "text", "1. budget"),
    "a high one": Body(HTML, b"<ol start=1999><li>a<li>budget</ol>", "text", "2000. budget"),
    "over two lines": Body(
        b"Content-Type: text/plain; format=flowed", b"the budget \r\nof it\r\n", "text", "budget of"
    ),
    "a link": Body(HTML, b'<a href="https://e.org/x?a=1&amp;b=22">y</a>', "text", "https://e.org/x?a=1&b=22"),
    "the text of an image": Body(HTML, b'<img alt="budget">', "text", "budget"),
    "the second text": Body(
        b"Content-Type: multipart/mixed; boundary=b",
        b"--b\r\n\r\none\r\n--b\r\n\r\nbudget\r\n--b--\r\n",
        "text",
        "one\n\nbudget",
    ),
}


@pytest.fixture(params=["dovecot", "courier"])
def mail_server(request: pytest.FixtureRequest) -> object:
    """The servers whose BODY is trusted."""
    return request.getfixturevalue(request.param)


def found(login: Login, case: Body, search: str) -> tuple[int, bool]:
    return count(login, Case(b"", case.column, case.needle), search)


def append(login: Login, case: Body) -> None:
    login.append("INBOX", b"Subject: other\r\nMIME-Version: 1.0\r\n" + case.fields + b"\r\n\r\n" + case.body)


@pytest.mark.parametrize("case", LOST.values(), ids=LOST.keys())
def test_lost_by_default_and_found_by_search_exact(case: Body, login: Login) -> None:
    append(login, case)
    assert found(login, case, "default") == (0, True)
    assert found(login, case, "exact") == (1, False)


@pytest.mark.parametrize("case", FOUND.values(), ids=FOUND.keys())
def test_not_lost_though_the_server_is_asked(case: Body, login: Login) -> None:
    append(login, case)
    assert found(login, case, "default") == (1, True)
    assert found(login, case, "exact") == (1, False)
