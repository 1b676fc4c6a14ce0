"""What a server's SEARCH can be trusted with, by the name it gives itself in its greeting or ID.

What a profile does not trust is not asked; the answer stays right, it only costs more.
"""

from __future__ import annotations

import dataclasses

__all__ = ["GENERIC", "PROFILES", "Profile", "recognise"]


@dataclasses.dataclass(frozen=True, slots=True)
class Profile:
    """What is trusted.

    `text_keys` (FROM, BODY, …) find every well-formed message that holds a word; with `folds_unicode` also where it is
    not ASCII. `headers` says the same of `HEADER field`, for any field, as it is written; `decodes_headers` also for
    what encoded words in it say. `finds_presence`: `HEADER field ""` finds every message that has the field.
    `folds_long_s`: `s` finds the long s too, `k` the Kelvin sign, as Unicode folds them. `counts_octets`: LARGER and
    SMALLER compare RFC822.SIZE. `folds_keywords`: KEYWORD finds a keyword in whatever case it was set. `finds_arrival`:
    SINCE and BEFORE compare INTERNALDATE. `finds_undated`: of what SENTSINCE misses, as the server cannot read its
    date, `NOT SENTSINCE 2-Jan-1970` finds all. `sorts_arrival`: SORT (ARRIVAL), where offered, goes
    by INTERNALDATE, and by UID within its second. `takes_or`: OR may be sent. `takes_not`: NOT may be. `takes_utf8`:
    CHARSET UTF-8 may be. `takes_esearch`: RETURN (ALL) may be, where ESEARCH is offered. `finds_object_ids`: EMAILID
    and THREADID may be sent (RFC 8474). `takes_gmail_search`: X-GM-RAW may be. `gives_messages`:
    BODY[n] of an embedded message is all of it. `tells_as_written`: of a message that can be read in one way only,
    BODYSTRUCTURE tells just that, sizes and all. `seen_live`: our tests run against the
    server itself; of the others, what is known comes from public threads, listed in docs/servers.md. A server is known
    by its name and by `signs`.
    """

    name: str
    text_keys: frozenset[str] = frozenset()
    headers: bool = False
    decodes_headers: bool = False
    finds_presence: bool = False
    folds_unicode: bool = False
    folds_long_s: bool = False
    counts_octets: bool = False
    folds_keywords: bool = False
    finds_arrival: bool = True
    finds_undated: bool = False
    sorts_arrival: bool = False
    takes_or: bool = True
    takes_not: bool = True
    takes_utf8: bool = True
    takes_esearch: bool = True
    finds_object_ids: bool = False
    takes_gmail_search: bool = False
    gives_messages: bool = True
    tells_as_written: bool = False
    seen_live: bool = False
    signs: tuple[str, ...] = ()

    def without_text(self) -> Profile:
        """Trust no text key at all (`search=exact`): malformed mail is found as well."""
        return dataclasses.replace(
            self, text_keys=frozenset(), headers=False, decodes_headers=False, finds_presence=False
        )


_ADDRESSES = frozenset({"FROM", "TO", "CC", "BCC"})
_HEADERS = _ADDRESSES | {"SUBJECT"}

GENERIC = Profile("generic", _HEADERS)
# The providers come first: a proxy in front of one greets with its own name, and passes on what stands behind it.
PROFILES = {
    # Gmail finds whole words only, no parts of words: by Google's own list of what it lacks (support.google.com, answer
    # 78761; emersion/go-imap#120). HEADER does not find every Message-ID (jstedfast/MailKit#647).
    "gmail": Profile("gmail", signs=("gimap", "x-gm-ext-1")),
    # Exchange looks for FROM in the display name only (realpine/alpine#30), knows no keyword but $MDNSent, and LARGER
    # and SMALLER go by the size on its disk until it has reckoned the message's (MS-STANXIMAP 2.2.24). It answers
    # BADCHARSET to UTF-8 (emersion/go-imap#48), and BAD to lists in parentheses, as an OR may need them
    # (moralmunky/Home-Assistant-Mail-And-Packages#1407).
    "exchange": Profile("exchange", takes_or=False, takes_utf8=False, signs=("clientaccessrules",)),
    # Yahoo, and AOL with it, answers SERVERBUG to HEADER, within OR too (jstedfast/MailKit#1055, mscdex/node-imap#737),
    # misses a SUBJECT that is there (MailKit#1055), and passed over NOT in silence (eclipse-ee4j.github.io/angus-mail,
    # Yahoo). Nothing says which of its keys can be relied on: only flags and UIDs are asked for.
    "yahoo": Profile(
        "yahoo",
        finds_arrival=False,
        takes_or=False,
        takes_not=False,
        takes_utf8=False,
        signs=("y!imap", "xymhighestmodseq", "x-msg-ext", "imap4rev1 hello"),
    ),
    # iCloud cannot read the field's name of HEADER in quotes (mscdex/node-imap#775); nothing says how it compares text,
    # nor that it takes OR. It answers RETURN (ALL) with the COUNT alone (horde/Imap_Client#17). XAPPLEPUSHSERVICE is no
    # sign of it: QQ, Fastmail and others offer that too.
    "icloud": Profile(
        "icloud", takes_or=False, takes_esearch=False, signs=("iscream", "xappleliteral", "x-apple-remote-links")
    ),
    "dovecot": Profile(
        "dovecot",
        _HEADERS | {"BODY"},
        headers=True,
        decodes_headers=True,
        finds_presence=True,
        finds_undated=True,
        sorts_arrival=True,
        folds_unicode=True,
        folds_long_s=True,
        counts_octets=True,
        folds_keywords=True,
        tells_as_written=True,
        seen_live=True,
    ),
    # GreenMail 2.1 compares FROM, TO, CC and BCC with one whole address, and LARGER and SMALLER with the size of the
    # body; it answers BAD to a size of 2,147,483,648 or more. HEADER looks at a field as it is written, encoded words
    # and all: it finds no word of a List-Id in base64. SORT goes by milliseconds, which nothing shows. BODY finds
    # nothing in UTF-7. Of an embedded message BODY[n] is the text alone, or a part of that; header and text are right.
    "greenmail": Profile(
        "greenmail",
        frozenset({"SUBJECT"}),
        headers=True,
        gives_messages=False,
        finds_presence=True,
        finds_undated=True,
        folds_long_s=True,
        folds_keywords=True,
        seen_live=True,
    ),
    # Cyrus 3.6 finds no text behind the first 1,000 lines of a header (its maxheaderlines), far beyond what well-formed
    # mail has. HEADER "" misses an empty To or Message-ID. Mail without a date it can read is as old to it as its
    # arrival. BODY misses words of texts in ISO-8859-1.
    "cyrus": Profile(
        "cyrus",
        _HEADERS,
        headers=True,
        decodes_headers=True,
        sorts_arrival=True,
        folds_unicode=True,
        folds_long_s=True,
        counts_octets=True,
        folds_keywords=True,
        seen_live=True,
    ),
    # Courier 5.0 folds letter by letter: not the long s, nor one small sigma to the other. To LARGER and SMALLER a line
    # end is one octet. SINCE and SENTSINCE of a day before 1970 find nothing; it takes no NOT NOT. SORT puts what came
    # in the same second in any order. Of two Date fields it takes the last: SENTSINCE misses what the first one says.
    "courier": Profile(
        "courier",
        _HEADERS | {"BODY"},
        headers=True,
        decodes_headers=True,
        finds_presence=True,
        folds_keywords=True,
        seen_live=True,
    ),
    # pymap 0.36 folds ASCII only, and compares keywords octet by octet. BODY looks at base64 as it is written.
    "pymap": Profile(
        "pymap",
        _HEADERS,
        headers=True,
        decodes_headers=True,
        finds_presence=True,
        finds_undated=True,
        counts_octets=True,
        seen_live=True,
    ),
}


def recognise(*said: str) -> Profile:
    """Pick the profile by a server's greeting, ID and capabilities; the careful one for a server nobody knows."""
    text = " ".join(said).lower()
    for name, profile in PROFILES.items():
        if any(sign in text for sign in (name, *profile.signs)):
            return profile
    return GENERIC
