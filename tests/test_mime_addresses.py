"""Address fields: structure first, then encoded words; nothing is an error."""

from __future__ import annotations

import email.policy
from email.headerregistry import Address as StandardAddress
from email.message import EmailMessage

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from imapdb.mime import addresses, domains, headers
from imapdb.mime.address_tokens import tokens
from imapdb.mime.addresses import Address

PIECES = st.sampled_from(
    [
        *"ä a Joe b@c =?utf-8?Q? ?= =?utf-8?Q?a=2C=C3=A4?= xn--mnchen-3ya.de".encode().split(),
        *b'( ) < > , ; : @ " \\ [ ] .'.split(),
        *(b" ", b"\r\n ", b"\0", b"\xe4", b", ", b"<a@b>", b'"x"', b"=0D=0A"),
    ]
)
MIXED = st.lists(PIECES, max_size=24).map(b"".join)
ATOM = st.text("abcXYZ019!#'*+-/=_`{|}~", min_size=1, max_size=8)
COMMON = st.builds(
    lambda name, quoted, local, domain: (
        (f'"{name}," ' if quoted else f"{name} " if name else "") + f"<{local}@{domain}>"
    ),
    st.lists(ATOM | st.sampled_from(["Zoë", "Łódź", "田中"]), max_size=3).map(" ".join),
    st.booleans(),
    ATOM,
    st.text("abc.-", min_size=1),
) | st.builds("{}@{}".format, ATOM, st.text("abc.-", min_size=1))


@pytest.mark.parametrize(
    ("raw", "text"),
    [
        (b"", ""),
        (b"a@b", "a@b"),
        (b"Joe Smith <a@b>", "Joe Smith <a@b>"),
        (b'"Joe Smith" <a@b>', "Joe Smith <a@b>"),
        (b'"Smith, Joe" <a@b>,x@y', '"Smith, Joe" <a@b>, x@y'),
        (b'"a \\"q\\" \\\\ b" <a@b>', '"a \\"q\\" \\\\ b" <a@b>'),
        (b'"" <a@b>', "a@b"),
        (b"J. Smith <a@b>", '"J. Smith" <a@b>'),
        (b"a@b (Joe)", "Joe <a@b>"),
        (b"(Joe (the) \\) boss) a@b", '"Joe (the) ) boss" <a@b>'),
        (b"Pete(A nice \\) chap) <pete(his account)@silly.test(his host)>", "Pete <pete@silly.test>"),
        (b"a@b (unterminated", "unterminated <a@b>"),
        (b"undisclosed-recipients:;", ""),
        (b"Team: a@b, C <c@d>;, e@f", "a@b, C <c@d>, e@f"),
        (b"Empty:;, a@b", "a@b"),
        (b"<@x,@y:c@d>", "c@d"),
        (b"John <jdoe@machine(comment).  example>", "John <jdoe@machine.example>"),
        (b"a . b @ c . d", "a.b@c.d"),
        (b"Joe <a@b", "Joe <a@b>"),
        (b"Joe <a@b, Jim <c@d>", "Joe <a@b>, Jim <c@d>"),
        (b"Joe a@b>", "Joe <a@b>"),
        (b"Joe <<a@b>>", "Joe <a@b>"),
        (b"<a@b> <c@d>", "a@b, c@d"),
        (b"A <a@b> B <c@d>", "A <a@b>, B <c@d>"),
        (b'A <a@b>\r\n "B" <c@d> e@f <g@h> C', 'A <a@b>, B <c@d>, "e@f C" <g@h>'),
        (b"Joe (Sales <a@b>, c@d", "Joe Sales <a@b>, c@d"),
        (b"Joe :( <a@b>", "a@b"),
        (b"a@b c@d", "a@b, c@d"),
        (b"a@b Joe Smith", "Joe Smith <a@b>"),
        (b"a@b; c@d", "a@b, c@d"),
        (b"a@b,,c@d,", "a@b, c@d"),
        (b"root", "root"),
        (b"root (Cron Daemon)", "Cron Daemon <root>"),
        (b"Joe Smith", "Joe Smith"),
        (b"Joe <>", "Joe"),
        (b"<>", ""),
        (b'"Joe <a@b>', "Joe <a@b>"),
        (b'"joe smith"@x.y', '"joe smith"@x.y'),
        (b"a@[IPv6:::1]", "a@[IPv6:::1]"),
        (b"a@[", "a@["),
        (b"a@b, ::;", "a@b"),
        (b"DOMAIN\\user <a@b>", '"DOMAIN\\\\user" <a@b>'),
        (b"=?utf-8?Q?J=C3=B6rg?= <a@b>", "Jörg <a@b>"),
        (b"=?utf-8?Q?J=C3?=\r\n =?utf-8?Q?=B6rg_S.?= <a@b>", '"Jörg S." <a@b>'),
        (b'"=?utf-8?Q?J=C3=B6rg?=" <a@b>', "Jörg <a@b>"),
        (b"=?utf-8?Q?Smith, J?= <a@b>", '"Smith, J" <a@b>'),
        (b"=?utf-8?Q?x@y=2C_z?= <a@b>", '"x@y, z" <a@b>'),
        (b"=?utf-8?Q?J?= <a@b> =?utf-8?Q?=2C?= c@d =?utf-8?q?=2C?= e@f", "J <a@b>, c@d, e@f"),
        (b"=?utf-8?Q?=2C?= <a@b>", '"," <a@b>'),
        (b"=?utf-8?B?am9lQGI=?=", '"joe@b"'),
        (b"=?utf-8?Q?a=0D=0AX:_y?= <a@b>", '"a  X: y" <a@b>'),
        ("Jörg <jörg@bücher.de>".encode(), "Jörg <jörg@bücher.de>"),
        (b"J\xf6rg <a@b>", "Jörg <a@b>"),
        (b"a@xn--mnchen-3ya.de", "a@münchen.de"),
        (b"Joe <a@XN--MNCHEN-3YA.de>", "Joe <a@münchen.de>"),
        (b"a@xn--a-ecp.ru, b@xn--.de, c@xn--\xff", "a@xn--a-ecp.ru, b@xn--.de, c@xn--ÿ"),
    ],
)
def test_lists(raw: bytes, text: str) -> None:
    assert addresses.format_list(raw) == text


def test_parse_and_first() -> None:
    raw = b'"Smith, Joe" <a@b>, c@d'
    assert addresses.parse(raw) == [Address("Smith, Joe", "a@b"), Address("", "c@d")]
    assert addresses.first(raw) == Address("Smith, Joe", "a@b")
    assert addresses.first(b"nobody:;") is None


def test_the_list_given_is_the_callers_own() -> None:
    addresses.parse(b"own@list").clear()
    assert addresses.parse(b"own@list") == [Address("", "own@list")]


def test_a_name_is_not_read_as_structure_again() -> None:
    assert addresses.parse(b"=?utf-8?Q?boss=40bank_=3Cboss=40bank=3E=2C?= <thief@x>") == [
        Address("boss@bank <boss@bank>,", "thief@x")
    ]


def test_a_label_that_hides_a_full_stop_stays() -> None:
    label = "xn--" + "a\u3002b".encode("punycode").decode("ascii")
    assert domains.domain_to_unicode(label) == label


@given(MIXED | st.binary())
def test_never_fails_and_is_clean(raw: bytes) -> None:
    text = addresses.format_list(raw)
    text.encode("utf-8")
    assert not set(text) & set("\r\n\0")
    assert all(entry.name or entry.address for entry in addresses.parse(raw))


RAW = st.lists(
    st.sampled_from([b"a", b'"', b"\xe4", b"\xc3\xa4", b" ", b"<a@b>", b",", b"=?utf-8?Q?=C3?=", b"."]), max_size=16
)


@given(MIXED | st.lists(COMMON, max_size=4).map(lambda members: ", ".join(members).encode()) | RAW.map(b"".join))
def test_fast_and_general_agree(raw: bytes) -> None:
    general = addresses._Reader(raw).found
    fast = addresses._parse_common(raw)
    assert fast is None or fast == general
    texts = addresses._member_texts(raw)
    assert texts is None or texts == list(map(str, general))


@given(st.lists(COMMON, max_size=4))
def test_common_shapes_take_the_fast_way(members: list[str]) -> None:
    raw = ", ".join(members).encode()
    assert addresses._parse_common(raw) is not None
    assert not members or addresses._member_texts(raw) is not None


@given(
    st.lists(
        st.tuples(
            st.text(st.characters(exclude_categories=["Cc", "Cs", "Z", "Cf", "Cn", "Co"]), max_size=20),
            st.text("abcdefgh0123456789", min_size=1, max_size=10),
            st.sampled_from(["example.com", "b.example", "xn--mnchen-3ya.de"]),
        ),
        min_size=1,
        max_size=5,
    )
)
def test_fields_written_by_the_standard_library(members: list[tuple[str, str, str]]) -> None:
    message = EmailMessage(policy=email.policy.SMTP)
    message["To"] = [StandardAddress(name, local, domain) for name, local, domain in members]
    raw = dict(headers.split_fields(bytes(message)))[b"To"]
    # Where it folds, Python's mailer at times encodes `<local@domain>,` too, as if it were of the name (CVE-2025-1795
    # was one case): then the address is nowhere in the field, and nobody can read it.
    assume(raw.count(b"@") == len(members))
    found = [(entry.name, entry.address) for entry in addresses.parse(raw)]
    unicode = {"xn--mnchen-3ya.de": "münchen.de"}
    assert found == [(name, f"{local}@{unicode.get(domain, domain)}") for name, local, domain in members]


@given(MIXED | st.binary())
def test_tokens_cover_the_field_once(raw: bytes) -> None:
    read = list(tokens(raw))
    assert sum(len(token.text) for token in read) <= len(raw)
    assert len(read) <= len(raw)


@pytest.mark.parametrize(
    "unit",
    [b"=?", b"=?a?q?,", b"(", b'"', b'\\"', b"<", b"<@", b",", b":", b"@", b"@ .", b". ", b"a ", b"a@b ", b"[", b"()"],
)
def test_a_megabyte_of_one_pattern_is_read(unit: bytes) -> None:
    for start in (b"", b'"', b"<@,", b"("):
        addresses.parse(start + unit * (250_000 // len(unit)))
