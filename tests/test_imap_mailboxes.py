"""Mailboxes: their names in every form, what LIST and STATUS say, and what real servers make of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from imapdb import dbapi, errors
from imapdb.account import Account
from imapdb.imap import keys, search
from imapdb.imap.connection import Connection
from imapdb.imap.mailboxes import Mailbox, mailbox_argument
from imapdb.imap.status import statuses_of
from imapdb.imap.wire import Literal
from tests.kit.dovecot import Dovecot
from tests.kit.login import RefusedError
from tests.kit.proxy import Proxy
from tests.kit.transcript import Transcript

if TYPE_CHECKING:
    from tests.kit.ca import Authority
    from tests.kit.servers import Login, MailServer

CAPABILITIES = "IMAP4rev1"


def listed(*steps: str | bytes, capability: str = CAPABILITIES) -> list[Mailbox]:
    script: list[str | bytes] = [
        f"S: * OK [CAPABILITY {capability}] ready",
        "C: LOGIN ...",
        f"S: $tag OK [CAPABILITY {capability}] in",
        *steps,
        "HOLD",
    ]
    with Transcript(script) as server:
        connection = Connection(Account(server.host, "u", server.port, password="p", tls="none", timeout=5))
        try:
            return connection.mailboxes()
        finally:
            connection.close()


def one(line: bytes) -> list[Mailbox]:
    return listed('C: LSUB "" "*"', "S: $tag OK", 'C: LIST "" "*"', line, "S: $tag OK")


@pytest.mark.parametrize(
    ("line", "name", "wire_name", "delimiter"),
    [
        (b'* LIST () "/" INBOX\r\n', "INBOX", b"INBOX", "/"),
        (b'* LIST () "/" inbox\r\n', "INBOX", b"inbox", "/"),
        (b'* LIST () NIL "INBOX"\r\n', "INBOX", b"INBOX", None),
        (b'* list () "." "a.b"\r\n', "a.b", b"a.b", "."),
        (b'* LIST () "\\\\" "a\\\\b"\r\n', "a\\b", b"a\\b", "\\"),
        (b'* LIST () "/" "say \\"hi\\""\r\n', 'say "hi"', b'say "hi"', "/"),
        (b'* LIST () "/" {7}\r\na "b" c\r\n', 'a "b" c', b'a "b" c', "/"),
        (b'* LIST () "/" "NIL"\r\n', "NIL", b"NIL", "/"),
        (b'* LIST () "/" [Gmail]/x\r\n', "[Gmail]/x", b"[Gmail]/x", "/"),
        (b'* LIST () "/" "[Gmail]/All Mail"\r\n', "[Gmail]/All Mail", b"[Gmail]/All Mail", "/"),
        (b'* LIST () "/" "&ZeVnLIqe-"\r\n', "日本語", b"&ZeVnLIqe-", "/"),
        (b'* LIST () "/" "a &- b"\r\n', "a & b", b"a &- b", "/"),
        (b'* LIST () "/" "&MAA-"\r\n', "\u3000", b"&MAA-", "/"),
        ('* LIST () "/" "日本語"\r\n'.encode(), "日本語", "日本語".encode(), "/"),
        (b'* LIST () "/" "\xff"\r\n', "\\xff", b"\xff", "/"),
        (b'* LIST () "/" "&!!!-"\r\n', "&!!!-", b"&!!!-", "/"),
        (b'* LIST () "/" "&AAk-"\r\n', "&AAk-", b"&AAk-", "/"),
        (b'* LIST () "/" "&AAo-x"\r\n', "&AAo-x", b"&AAo-x", "/"),
        (b'* LIST () "/" 123\r\n', "123", b"123", "/"),
    ],
)
def test_a_name_in_every_form(line: bytes, name: str, wire_name: bytes, delimiter: str | None) -> None:
    (mailbox,) = one(line)
    assert (mailbox.name, mailbox.wire_name, mailbox.delimiter) == (name, wire_name, delimiter)
    assert mailbox.is_selectable
    assert mailbox.special_use is None


@pytest.mark.parametrize(
    "line", [b'* LIST () "/" ""\r\n', b"* LIST\r\n", b"* LIST nonsense\r\n", b'* LIST () "/"\r\n', b"* 1 EXISTS\r\n"]
)
def test_a_line_without_a_name_names_no_mailbox(line: bytes) -> None:
    assert one(line) == []


def test_attributes_subscriptions_and_special_uses() -> None:
    found = listed(
        'C: LIST "" "*" RETURN (SUBSCRIBED SPECIAL-USE)',
        'S: * LIST (\\HasNoChildren \\Subscribed \\sent) "/" Out',
        'S: * LIST (\\NoSelect) "/" above',
        'S: * LIST (\\NonExistent \\Subscribed) "/" gone',
        "S: $tag OK",
        capability="IMAP4rev1 LIST-EXTENDED SPECIAL-USE",
    )
    assert [(m.name, m.is_selectable, m.subscribed, m.special_use) for m in found] == [
        ("Out", True, True, "\\sent"),
        ("above", False, False, None),
        ("gone", False, True, None),
    ]


@pytest.mark.parametrize("refusal", ["S: $tag NO not here", "S: $tag BAD what"])
def test_no_lsub_is_no_error(refusal: str) -> None:
    found = listed('C: LSUB "" "*"', refusal, 'C: LIST "" "*"', 'S: * LIST () "/" a', "S: $tag OK")
    assert [(m.name, m.subscribed) for m in found] == [("a", None)]


def test_lsub_tells_what_is_subscribed() -> None:
    found = listed(
        'C: LSUB "" "*"',
        'C: LIST "" "*"',
        b'* LSUB () "/" b\r\n* LSUB () "/" gone\r\nA2 OK\r\n* LIST () "/" a\r\n* LIST () "/" b\r\nA3 OK\r\n',
    )
    assert [(m.name, m.subscribed) for m in found] == [("a", False), ("b", True)]


# Namespaces


def tell(namespaces: str) -> list[str | bytes]:
    return ["C: NAMESPACE", f"S: * NAMESPACE {namespaces}", "S: $tag OK"]


def list_as(pattern: str, *names: str) -> list[str | bytes]:
    return [f'C: LIST "" "{pattern}" RETURN (SUBSCRIBED)', *(f'S: * LIST () "/" "{n}"' for n in names), "S: $tag OK"]


EXTENDED = "IMAP4rev1 LIST-EXTENDED NAMESPACE"


@pytest.mark.parametrize(
    ("namespaces", "listed_first"),
    [
        ('(("" "/")) NIL NIL', ["INBOX"]),
        ('(("" "/")) (("Other/" "/")) (("Shared/" "/"))', ["INBOX", "Other/ada/x", "Shared/y"]),
        ('(("INBOX." ".")) NIL NIL', ["INBOX"]),
        ('(("inbox." ".")) NIL NIL', ["INBOX"]),
        ("NIL NIL NIL", ["INBOX"]),
        # Not ours to walk through: a news server, a file system, everybody's home.
        ('(("" "/")) (("~" "/")) (("#news." ".")("#ftp/" "/"))', ["INBOX"]),
        ('(("" "/" "X-PARAM" ("a" "b"))) ((nonsense)) (())', ["INBOX", "nonsense"]),
        ("(((((((", ["INBOX"]),
        ("nonsense", ["INBOX"]),
    ],
)
def test_namespaces_that_are_listed_cost_nothing(namespaces: str, listed_first: list[str]) -> None:
    found = listed(*tell(namespaces), *list_as("*", *listed_first), capability=EXTENDED)
    assert [mailbox.name for mailbox in found] == listed_first


def test_namespaces_left_out_are_listed_behind() -> None:
    found = listed(
        *tell('(("" "/")) (("Other Users/" "/")) (("Public \\"x\\"/" "/") ("#shared/" "/") ("Shown/" "/"))'),
        *list_as("*", "INBOX", "Shown/a"),
        *list_as("Other Users/*", "Other Users/ada/in"),
        *list_as('Public \\"x\\"/*', 'Public \\"x\\"/all'),
        'C: LIST "" "#shared/*" RETURN (SUBSCRIBED)',
        "S: $tag NO not now",
        "C: NOOP",
        "S: $tag OK",
        capability=EXTENDED,
    )
    assert {mailbox.name for mailbox in found} == {"INBOX", "Shown/a", "Other Users/ada/in", 'Public "x"/all'}


@pytest.mark.parametrize("refusal", ["S: $tag NO not here", "S: $tag BAD what"])
def test_no_namespace_is_no_error(refusal: str) -> None:
    found = listed("C: NAMESPACE", refusal, *list_as("*", "a"), capability=EXTENDED)
    assert [mailbox.name for mailbox in found] == ["a"]


def test_namespaces_are_asked_for_once_and_remembered() -> None:
    opened: list[str | bytes] = [
        f"S: * OK [CAPABILITY {EXTENDED}] ready",
        "C: LOGIN ...",
        f"S: $tag OK [CAPABILITY {EXTENDED}] in",
    ]
    again = [*list_as("Public/*", "Public/x"), *list_as("*", "INBOX")]
    first = [*tell('(("" "/")) NIL (("Public/" "/"))'), *list_as("*", "INBOX"), *list_as("Public/*", "Public/x")]
    scripts = [[*opened, *first, "C: NOOP", "S: $tag OK", *again, "CLOSE"], [*opened, *again, "HOLD"]]
    with Transcript(*scripts) as server:
        connection = Connection(Account(server.host, "u", server.port, password="p", tls="none", timeout=5))
        for _ in range(3):
            assert {mailbox.name for mailbox in connection.mailboxes()} == {"INBOX", "Public/x"}
        assert connection.opened == 2
        connection.close()


@pytest.mark.parametrize("error", [errors.ServerRefused, errors.ProtocolError])
def test_a_list_that_is_refused_is_an_error(error: type[errors.Error]) -> None:
    word = "NO" if error is errors.ServerRefused else "BAD"
    with pytest.raises(error) as caught:
        listed('C: LSUB "" "*"', "S: $tag NO", 'C: LIST "" "*"', f"S: $tag {word} never")
    assert caught.value.command == "LIST"


PUBLIC = """
namespace public {
  type = public
  separator = /
  prefix = Public/
  location = sdbox:{folder}/home/public:INDEXPVT=~/public
  list = %s
}
namespace hidden {
  type = shared
  separator = /
  prefix = Others/%%%%u/
  location = sdbox:{folder}/home/%%%%u/mail
  list = no
}
"""


@pytest.mark.parametrize("shown", ["yes", "children", "no"])
def test_shared_mailboxes_of_a_real_server(shown: str, dovecot: MailServer, authority: Authority) -> None:
    server = Dovecot(authority, settings=PUBLIC % shown)
    try:
        server.start()
        login = server.new_login()
        login.create("Public/Notices")
        login.append("Public/Notices", b"Subject: for all\r\n\r\n")
        other = server.new_login()
        with Proxy(other.host, other.port) as proxy, dbapi.connect(other.through(proxy).url()) as connection:
            cursor = connection.cursor()
            assert cursor.execute("SELECT uid FROM INBOX").fetchall() == []
            assert not any(command.startswith(("NAMESPACE", "LIST")) for command in proxy.commands)
            proxy.clear()
            # `Others/` may be kept apart: that takes a second round trip, the first time.
            for round_trips in (2, 1):
                found = {mailbox.name: mailbox for mailbox in connection.imap.mailboxes()}
                assert {"INBOX", "Public/Notices"} <= found.keys()
                assert proxy.round_trips == round_trips
                proxy.clear()
            assert "NAMESPACE" not in proxy.commands
            sql = "SELECT messages FROM mailboxes WHERE name = 'Public/Notices'"
            assert cursor.execute(sql).fetchall() == [(1,)]
            assert cursor.execute('SELECT subject FROM "Public/Notices"').fetchall() == [("for all",)]
            assert cursor.execute("SELECT mailbox, subject FROM messages").fetchall() == [("Public/Notices", "for all")]
    finally:
        server.stop()


def test_a_name_goes_back_as_it_came() -> None:
    assert mailbox_argument(b'a "b"') == b'"a \\"b\\""'
    assert mailbox_argument("日".encode()) == Literal("日".encode())
    for name in (b"a\rb", b"a\nb", b"a\0b"):
        with pytest.raises(errors.UnsendableValue):
            mailbox_argument(name)


NAMES = [
    "with blanks",
    'say "hello"',
    "[Gmail]x",
    "日本語",
    "A & B",
    "100%",
    "back\\slash",
    "Entwürfe",
    "a*b",
    "'",
    "A",
    "a",
]


def test_names_on_real_servers(login: Login) -> None:
    made = []
    for name in map(login.server.named, NAMES):
        try:
            login.create(name)
        except RefusedError:
            # The server's own limits (GreenMail: no second case, Dovecot: no such letters).
            continue
        made.append(name)
        login.append(name, b"Subject: here\r\n\r\n")
    nested = login.server.named(f"[Gmail]{login.server.delimiter}x y")
    login.create(nested)
    connection = Connection(Account.from_url(login.url()))
    found = {mailbox.name: mailbox for mailbox in connection.mailboxes()}
    assert {"INBOX", nested, *made} <= found.keys()
    assert {login.server.named(name) for name in ("with blanks", "日本語", "A")} <= set(made)
    assert found[nested].delimiter == login.server.delimiter
    for name in made:
        uids = connection.read(lambda wire: list(search.search(wire, keys.ALL, esearch=False)), found[name])
        assert (name, len(uids)) == (name, 1)
    statuses = statuses_of(connection, [found[name] for name in made], ["MESSAGES"])
    assert {name: status["MESSAGES"] for name, status in statuses.items()} == dict.fromkeys(made, 1)
    connection.close()


def test_status_of_a_mailbox_that_vanished_is_left_out(login: Login) -> None:
    name = login.server.named("there")
    login.create(name)
    connection = Connection(Account.from_url(login.url()))
    there = Mailbox(name, name.encode(), None, (), None)
    gone = Mailbox("gone", b"gone", None, (), None)
    statuses = statuses_of(connection, [gone, there], ["MESSAGES", "UIDVALIDITY"])
    assert set(statuses) == {name}
    assert statuses[name]["MESSAGES"] == 0
    assert statuses[name]["UIDVALIDITY"] > 0
    assert connection.opened == 1
    connection.close()


def test_many_statuses_keep_in_step(dovecot_login: Login) -> None:
    connection = Connection(Account.from_url(dovecot_login.url()))
    many = [Mailbox(f"m{n}", b"m%d" % n, None, (), None) for n in range(100)] + connection.mailboxes()
    statuses = statuses_of(connection, many, ["MESSAGES"])
    assert set(statuses) == {"INBOX"}
    connection.ping()
    assert connection.opened == 1
    connection.close()
