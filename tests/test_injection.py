"""Hostile values through every text entry of API, SQL and command line: the server never hears what it should not.

Values travel in quoted strings or literals and never leave them; CR, LF and NUL are refused before anything is sent.
"""

from __future__ import annotations

import re
from contextlib import closing
from typing import TYPE_CHECKING, Any

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

import imapdb
from imapdb import dbapi
from imapdb.cli import run
from imapdb.errors import Error, UnsendableValue
from tests.kit.proxy import Proxy

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.kit.servers import MailServer

HOSTILE = (
    '"', "\\", "\\\\", '\\"', "'", "''", "\r\n", "\n", "\r", "\0", "{5}", "{5+}", "{5}\r\n", "{0+}\r\n", "~{3}", "*",
    "%", "_", " ", "\t", "(", ")", "[", "]", "OR", "NOT", "ALL", "UID 1:*", "KEYWORD", "DELETED", "A1 LOGOUT",
    'x" A2 DELETE INBOX', "\r\nA3 UID STORE 1:* +FLAGS (\\Deleted)\r\n", "A4 EXPUNGE", "RETURN (SAVE)", "CHARSET", "$",
    "=?utf-8?q?a=0D=0Ab?=", "ü", "日本", "\U0001f4a3", "\x1b", "\x7f", "\x80", "\u2028", "\ud800", "&", "&AGE-", "--",
    ";", "/*", "*/", "?", ":x", "a", "invoice", "team",
)  # fmt: skip

values = st.one_of(
    st.lists(st.one_of(st.sampled_from(HOSTILE), st.text(max_size=5)), min_size=1, max_size=6).map("".join),
    st.builds(lambda text, times: text * times, st.sampled_from(HOSTILE), st.sampled_from((100, 1_001, 5_000))),
)
# Headers a column may be of; the columns that SEARCH has no text for are compared here.
TEXTS = (
    "sender", "to", "cc", "bcc", "reply_to", "sender_name", "sender_address", "subject", "message_id", "in_reply_to",
    "references", "list_id", "mime",
)  # fmt: skip

# What reading may say. Strings and literals are taken out of a SEARCH first; the rest is words of SEARCH and numbers.
ALLOWED = re.compile(
    r"(?:CAPABILITY|NAMESPACE|NOOP|LOGOUT|LOGIN \*\*\*|AUTHENTICATE PLAIN \*\*\*|\*\*\*|ID \(.*\)"
    r"|ENABLE CONDSTORE|EXAMINE S|LIST S S RETURN \([A-Z -]+(?:STATUS \([A-Z ]+\))?\)|LSUB S S"
    r"|UID FETCH [0-9:,]+ \([A-Z0-9. \[\]()-]+\)"
    r"|UID (?:SEARCH|SORT \(ARRIVAL\) (?:US-ASCII|UTF-8)) [A-Z0-9:,() -]+)\Z"
)
SEARCH_WORDS = frozenset({
    "UID", "SORT", "ARRIVAL", "US-ASCII",
    "SEARCH", "RETURN", "ALL", "CHARSET", "UTF-8", "OR", "NOT", "SEEN", "UNSEEN", "FLAGGED", "UNFLAGGED",
    "KEYWORD", "SUBJECT", "FROM", "TO", "CC", "BCC", "HEADER", "TEXT", "S", "REPLY-TO", "MESSAGE-ID", "IN-REPLY-TO",
    "REFERENCES", "LIST-ID", "CONTENT-TYPE", "SINCE", "BEFORE",
})  # fmt: skip
# A keyword is an atom: it holds nothing that could end it (RFC 3501 9).
_KEYWORD = re.compile(r"\b(?:UN)?KEYWORD [^\x00-\x20\x7f-\xff(){%*\"\\\]]+(?= |\Z)")
_STRING = re.compile(r'"(?:[^"\\\r\n\0]|\\["\\])*"')
_LITERAL = re.compile(r"\{(\d+)\+?\}\r\n")


def bare(command: str) -> str:
    """Put S for every string and literal of a command."""
    octets = command.encode("utf-8", "surrogateescape").decode("latin-1")
    out, place = "", 0
    while place < len(octets):
        if found := _LITERAL.match(octets, place):
            place = found.end() + int(found[1])
            assert "\0" not in octets[found.end() : place]
            out += "S"
        elif found := _STRING.match(octets, place):
            place = found.end()
            out += "S"
        else:
            out += octets[place]
            place += 1
    return out


def check(commands: list[str]) -> None:
    for command in commands:
        said = _KEYWORD.sub("KEYWORD S", bare(command))
        assert ALLOWED.match(said), command[:500]
        if said.startswith(("UID SEARCH", "UID SORT")):
            unknown = set(re.findall(r"[A-Z][A-Z0-9-]*", said)) - SEARCH_WORDS
            assert not unknown, command[:500]


class Line:
    def __init__(self, proxy: Proxy, connection: dbapi.Connection, db: imapdb.Database, url: str) -> None:
        self.proxy = proxy
        self.connection = connection
        self.db = db
        self.url = url

    def sql(self, text: str, parameters: Any = ()) -> list[Any]:
        with closing(self.connection.cursor()) as cursor:
            return cursor.execute(text, parameters).fetchall()


@pytest.fixture(scope="module")
def line(dovecot: MailServer) -> Iterator[Line]:
    login = dovecot.new_login()
    login.append("INBOX", b"From: a team <team@example.org>\r\nSubject: an invoice\r\n\r\nhello\r\n")
    with Proxy(login.host, login.port) as proxy:
        url = login.through(proxy).url()
        with dbapi.connect(url) as connection, imapdb.connect(url) as db:
            yield Line(proxy, connection, db, url)


Entry = tuple[str, "Callable[[Line, str], object]"]


def _quoted(value: str) -> str:
    return "'" + value.replace("'", "''") + "'"


def _name(value: str) -> str:
    return '"' + value.replace('"', '""') + '"'


OPERATORS = (
    "= ?",
    "IS ?",
    "IN (?, 'x')",
    "LIKE ?",
    "LIKE ? ESCAPE '!'",
    "GLOB ?",
    "MATCH ?",
    "NOT LIKE ?",
    "!= ?",
    "< ?",
)
FUNCTIONS = ("contains", "icontains", "startswith", "istartswith", "endswith", "iendswith", "ilike")
METHODS = ("contains", "icontains", "startswith", "endswith", "like", "ilike", "match", "__eq__", "__ne__")


def _by_sql(text: str, times: int = 1) -> Entry:
    return text, lambda line, value: line.sql(text, (value,) * times)


def _by_name(text: str) -> Entry:
    return text, lambda line, value: line.sql(text, {"value": value})


def _written_out(text: str, write: Callable[[str], str]) -> Entry:
    return text, lambda line, value: line.sql(text.replace("VALUE", write(value)))


def _sql_entries() -> Iterator[Entry]:
    for column in map(_name, TEXTS):
        for operator in OPERATORS:
            yield _by_sql(f"SELECT uid FROM INBOX WHERE {column} {operator}")
        for function in FUNCTIONS:
            yield _by_sql(f"SELECT uid FROM INBOX WHERE {function}({column}, ?)")
            yield _by_name(f"SELECT uid FROM INBOX WHERE NOT seen OR {function}({column}, :value) OR flagged")
    for where in ("has_flag(flags, ?)", "NOT has_flag(flags, ?)", "email MATCH ?", "email_id = ?", "created >= ?"):
        yield _by_sql(f"SELECT uid FROM INBOX WHERE {where}")
    for where in ("mailbox = ?", "mailbox IN (?, 'INBOX')"):
        yield _by_sql(f"SELECT uid FROM messages WHERE {where}")
    yield _by_sql("SELECT uid FROM messages WHERE mailbox = ? OR NOT mailbox != ?2 AND seen", 2)
    yield _by_sql("SELECT messages FROM mailboxes WHERE name = ?")
    yield _written_out("SELECT uid FROM INBOX WHERE contains(subject, VALUE)", _quoted)
    yield _written_out('SELECT 1 FROM INBOX WHERE seen OR "to" = VALUE', _quoted)
    yield _written_out("SELECT uid FROM VALUE", _name)
    yield _written_out("SELECT uid FROM main.VALUE a WHERE NOT a.seen", _name)
    yield _written_out("SELECT uid FROM INBOX AS VALUE WHERE seen OR flagged", _name)
    yield _written_out("SELECT uid FROM INBOX WHERE seen OR VALUE", str)


def _api_entries() -> Iterator[Entry]:
    def asked(column: str, method: str) -> Callable[[Line, str], object]:
        def ask(line: Line, value: str) -> object:
            inbox = line.db.INBOX
            return line.db(getattr(getattr(inbox, column), method)(value)).select(inbox.uid)

        return ask

    def either(column: str, method: str) -> Callable[[Line, str], object]:
        def ask(line: Line, value: str) -> object:
            inbox = line.db.INBOX
            return line.db(sa.or_(~inbox.seen, getattr(getattr(inbox, column), method)(value))).count()

        return ask

    for column in TEXTS:
        for method in METHODS:
            yield f"{column}.{method}", asked(column, method)
            if method != "match":
                yield f"{column}.{method} or", either(column, method)
    yield "in_", lambda line, value: line.db(line.db.INBOX.subject.in_([value, "x"])).count()
    yield "autoescape", lambda line, value: line.db(line.db.INBOX.subject.contains(value, autoescape=True)).count()
    yield "has_flag", lambda line, value: line.db(sa.func.has_flag(line.db.INBOX.flags, value) == 1).count()
    yield "messages", lambda line, value: line.db(line.db.messages.mailbox == value).count()
    yield "db[…]", lambda line, value: line.db[value]
    yield "db.…", lambda line, value: getattr(line.db, value)
    yield "execute", lambda line, value: line.db.execute("SELECT uid FROM INBOX WHERE subject = :x", {"x": value}).all()
    yield (
        "literal",
        lambda line, value: line.db(line.db.INBOX.subject.contains(sa.literal_column(_quoted(value)))).count(),
    )


def _cli_entries() -> Iterator[Entry]:
    def ran(*arguments: str) -> Callable[[Line, str], object]:
        def ask(line: Line, value: str) -> object:
            return run([*(a.replace("VALUE", value) for a in arguments), "--url", line.url])

        return ask

    for option in (
        "--from",
        "--to",
        "--cc",
        "--subject",
        "--since",
        "--before",
        "--uid",
        "--columns",
        "--order",
        "--larger",
    ):
        yield option, ran("search", "INBOX", f"{option}=VALUE")
    yield "search MAILBOX", ran("search", "--", "VALUE")
    yield "--param", ran("query", "SELECT uid FROM INBOX WHERE contains(subject, ?) OR seen", "--param=VALUE")
    yield "query", ran("query", "--", "VALUE")


SQL, API, CLI = list(_sql_entries()), list(_api_entries()), list(_cli_entries())


def try_entry(line: Line, entry: Entry, value: str) -> None:
    _, ask = entry
    line.proxy.clear()
    try:
        ask(line, value)
    except (Error, AttributeError):
        # Refused: that is an answer. Whatever was sent must be harmless all the same.
        pass
    finally:
        check(line.proxy.commands)


def many(examples: int) -> Callable[[Callable[..., None]], Callable[..., None]]:
    return settings(
        max_examples=examples,
        deadline=None,
        database=None,
        phases=(Phase.generate, Phase.shrink),
        suppress_health_check=list(HealthCheck),
    )


def test_no_value_leaves_its_place_by_sql_or_api(line: Line) -> None:
    @many(1_000)
    @given(value=values, sql=st.sampled_from(SQL), api=st.sampled_from(API))
    def harmless(value: str, sql: Entry, api: Entry) -> None:
        try_entry(line, sql, value)
        try_entry(line, api, value)

    harmless()


def test_no_value_leaves_its_place_by_the_command_line(line: Line, capsys: pytest.CaptureFixture[str]) -> None:
    @many(1_000)
    @given(value=values, entry=st.sampled_from(CLI))
    def harmless(value: str, entry: Entry) -> None:
        try_entry(line, entry, value)
        capsys.readouterr()

    harmless()


def test_a_megabyte_is_just_a_value(line: Line) -> None:
    for piece in ("a", '"', "ü", "{5}", "invoice ", "% ", "\\"):
        value = piece * (1_000_000 // len(piece))
        for sql in ("contains(subject, ?)", "subject = ?", "seen OR contains(subject, ?)", "has_flag(flags, ?)"):
            line.proxy.clear()
            assert line.sql(f"SELECT uid FROM INBOX WHERE {sql}", (value,)) == []
            check(line.proxy.commands)
            assert max(map(len, line.proxy.commands)) < 8_000


@pytest.mark.parametrize("character", ["\r", "\n", "\0"])
@pytest.mark.parametrize(
    "where",
    [
        "subject = ?", "contains(subject, ?)", "subject LIKE ?", "subject IN ('x', ?)", "subject GLOB ?",
        "subject MATCH ?", "has_flag(flags, ?)", "seen OR contains(subject, ?)", "NOT has_flag(flags, ?)",
        "message_id = ?", "mailbox = ?", "email MATCH ?", "NOT seen AND mailbox IN (?, 'x')",
    ],
)  # fmt: skip
def test_cr_lf_and_nul_are_refused_before_anything_is_sent(line: Line, where: str, character: str) -> None:
    line.sql("SELECT uid FROM INBOX WHERE seen")
    line.proxy.clear()
    with pytest.raises(UnsendableValue):
        line.sql(f"SELECT uid FROM INBOX WHERE {where}", (f"invoice{character}A1 LOGOUT",))
    assert line.proxy.commands == []


@pytest.mark.parametrize("character", ["\r", "\n", "\0"])
def test_nor_can_a_mailbox_be_named_so(line: Line, character: str) -> None:
    line.proxy.clear()
    name = f"INBOX{character}A1 LOGOUT"
    with pytest.raises(UnsendableValue):
        line.db[name]
    if character != "\0":
        with pytest.raises(UnsendableValue):
            line.sql(f"SELECT uid FROM {_name(name)}")
    assert line.proxy.commands == []


def test_a_line_end_out_of_another_message_just_finds_nothing(line: Line) -> None:
    """What a join compares was not given by anybody; an odd value there must not end the statement."""
    sql = "SELECT uid FROM INBOX a WHERE contains(a.subject, (SELECT b.subject || char(10) || 'x' FROM INBOX b))"
    assert line.sql(sql) == []
