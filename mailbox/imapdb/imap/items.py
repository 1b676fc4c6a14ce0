"""What FETCH can be asked of a message (RFC 3501 6.4.5).

Beyond RFC 3501: the ids of RFC 8474, and what Gmail has of its own (X-GM-EXT-1).
"""

from __future__ import annotations

import dataclasses
import operator
from functools import lru_cache
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable
    from collections.abc import Set as AbstractSet

    from imapdb.imap.fetched import Fetched

__all__ = ["GMAIL", "NOTHING", "OBJECTID", "Items", "lacking", "told"]

OBJECTID: Final = "OBJECTID"
GMAIL: Final = "X-GM-EXT-1"
# Every text of a message: whoever has these has each of them.
CONTENT: Final = "content"


@dataclasses.dataclass(frozen=True, slots=True)
class Items:
    """What to fetch of a message besides its UID.

    `fields` are header field names in upper case, which `header` and `body` bring too; `structure` is BODYSTRUCTURE.
    `email_id`, `thread_id` and `labels` only some servers have: see `offered`.

    `texts` are names of columns (`text`, `html`, `content`) that are made of parts. Which ones has to be found out for
    each message: whoever does so (sql/bodies.py) asks for `sections`, as in `BODY[1.2]`, or for the `whole` message,
    which, unlike `body`, comes besides the header fields and not in their place.
    """

    flags: bool = False
    size: bool = False
    date: bool = False
    fields: frozenset[bytes] = frozenset()
    header: bool = False
    structure: bool = False
    body: bool = False
    email_id: bool = False
    thread_id: bool = False
    labels: bool = False
    texts: frozenset[str] = frozenset()
    sections: tuple[bytes, ...] = ()
    whole: bool = False

    def __or__(self, other: Items) -> Items:
        return Items(
            flags=self.flags or other.flags,
            size=self.size or other.size,
            date=self.date or other.date,
            fields=self.fields | other.fields,
            header=self.header or other.header,
            structure=self.structure or other.structure,
            body=self.body or other.body,
            email_id=self.email_id or other.email_id,
            thread_id=self.thread_id or other.thread_id,
            labels=self.labels or other.labels,
            texts=self.texts | other.texts,
            sections=tuple(dict.fromkeys(self.sections + other.sections)),
            whole=self.whole or other.whole,
        )

    def __bool__(self) -> bool:
        return self != NOTHING

    def covers(self, other: Items) -> bool:
        """Whether fetching these brings everything `other` asks for."""
        return (
            (self.flags or not other.flags)
            and (self.size or not other.size)
            and (self.date or not other.date)
            and (self.structure or not other.structure)
            and (self.body or not other.body)
            and (self.body or self.header or not other.header)
            and (self.body or self.header or self.fields >= other.fields)
            and (self.body or CONTENT in self.texts or self.texts >= other.texts)
            and (self.email_id or not other.email_id)
            and (self.thread_id or not other.thread_id)
            and (self.labels or not other.labels)
            and (self.whole or not other.whole)
            and set(self.sections) >= set(other.sections)
        )

    @property
    def is_large(self) -> bool:
        """Whether there may be much of it: a header, a text, a message."""
        return self.body or self.header or bool(self.texts)

    def offered(self, capabilities: AbstractSet[str]) -> Items:
        """Leave out what a server with these capabilities does not have; none of it may be left.

        The ids are those of OBJECTID (RFC 8474 5), or else Gmail's own; labels are Gmail's alone.
        """
        if not (self.email_id or self.thread_id or self.labels):
            return self
        has_labels = GMAIL in capabilities
        has_ids = has_labels or OBJECTID in capabilities
        return dataclasses.replace(
            self,
            email_id=self.email_id and has_ids,
            thread_id=self.thread_id and has_ids,
            labels=self.labels and has_labels,
        )

    def command(self, capabilities: AbstractSet[str]) -> bytes:
        r"""Write the list for UID FETCH, in the words of a server with these capabilities.

        Everything is PEEK: reading never sets `\Seen`.
        """
        offered = self.offered(capabilities)
        has_objectid = OBJECTID in capabilities
        words = [b"UID"]
        words += (word[has_objectid] for name, word in _WORDS if getattr(offered, name))
        if self.header and not self.body:
            words.append(b"BODY.PEEK[HEADER]")
        elif self.fields and not self.body:
            words.append(b"BODY.PEEK[HEADER.FIELDS (%s)]" % b" ".join(sorted(self.fields)))
        if self.body or self.whole:
            words.append(b"BODY.PEEK[]")
        words += (b"BODY.PEEK[%s]" % section for section in self.sections)
        return b"(%s)" % b" ".join(words)


NOTHING: Final = Items()
# In this order most servers answer. The second of each is that of OBJECTID.
_WORDS: Final = (
    ("flags", (b"FLAGS", b"FLAGS")),
    ("size", (b"RFC822.SIZE", b"RFC822.SIZE")),
    ("date", (b"INTERNALDATE", b"INTERNALDATE")),
    ("email_id", (b"X-GM-MSGID", b"EMAILID")),
    ("thread_id", (b"X-GM-THRID", b"THREADID")),
    ("labels", (b"X-GM-LABELS", b"X-GM-LABELS")),
    ("structure", (b"BODYSTRUCTURE", b"BODYSTRUCTURE")),
)


@lru_cache(maxsize=1024)
def lacking(items: Items) -> Callable[[Fetched], bool]:
    """Give what says whether a message lacks any of these items, which the server offers.

    It tells an answer from flags that another session changed meanwhile, which come with a UID too under CONDSTORE.
    """
    if sections := items.sections:
        names = told(dataclasses.replace(items, sections=()))
        return lambda message: (
            any(getattr(message, name) is None for name in names)
            or message.sections is None
            or any(section not in message.sections for section in sections)
        )
    match told(items):
        case ():
            return lambda _: False
        case (name,):
            one = operator.attrgetter(name)
            return lambda message: one(message) is None
        case names:
            of_all = operator.attrgetter(*names)
            return lambda message: None in of_all(message)


# The names of Items and of Fetched are the same for these.
_PLAIN: Final = ("flags", "size", "date", "email_id", "thread_id", "labels", "structure")


def told(items: Items) -> tuple[str, ...]:
    """Name what a message is told with that has these items."""
    names = [name for name in _PLAIN if getattr(items, name)]
    if (items.header or items.fields) and not items.body:
        names.append("header")
    if items.body or items.whole:
        names.append("body")
    if items.sections:
        names.append("sections")
    return tuple(names)
