"""Part trees of any shape, and BODYSTRUCTURE written of them in any of the ways a server may."""

from __future__ import annotations

import base64
import random
import re
from typing import Any
from urllib.parse import quote

from hypothesis import strategies as st

from imapdb.mime.part_tree import Part

__all__ = ["ENVELOPE", "SHAPES", "numbered", "written"]

ENVELOPE = b"(NIL NIL NIL NIL NIL NIL NIL NIL NIL NIL)"

TEXTS = st.text(alphabet="aZ09 ._-()[]{}\"\\'%*;=/<>äß€日本𝄞", min_size=1, max_size=30).filter(
    lambda text: text.strip() == text
)
WORDS = st.text(alphabet="abcxyz0123456789-+.", min_size=1, max_size=10)
SIZES = st.integers(0, 10**18 - 1)
PARAMETERS = st.dictionaries(WORDS, TEXTS, max_size=3)


def of_any_part() -> dict[str, st.SearchStrategy[Any]]:
    return {
        "disposition": st.none() | WORDS,
        "disposition_parameters": PARAMETERS,
        "language": st.lists(WORDS.filter(lambda word: word.strip("-.+") == word), max_size=2).map(tuple),
        "location": st.none() | WORDS,
        "parameters": PARAMETERS,
    }


LEAVES = st.fixed_dictionaries(
    {
        "type": st.sampled_from(["text/plain", "text/html", "image/png", "application/x-y+z", "message/partial"]),
        "content_id": st.none() | WORDS,
        "description": st.none() | TEXTS,
        "encoding": st.sampled_from(["7bit", "base64", "x-own"]),
        "size": SIZES,
        "lines": SIZES,
        "md5": st.sampled_from([None, "Q2hlY2sgSW50ZWdyaXR5IQ=="]),
        **of_any_part(),
    }
)
SHAPES = st.recursive(
    LEAVES,
    lambda inner: (
        st.fixed_dictionaries(
            {
                "type": WORDS.map("multipart/{}".format),
                "inner": st.lists(inner, min_size=1, max_size=4),
                **of_any_part(),
            }
        )
        | st.builds(lambda leaf, one: leaf | {"type": "message/rfc822", "inner": [one]}, LEAVES, inner)
    ),
    max_leaves=12,
)


def numbered(shape: dict[str, Any], prefix: str = "", number: int | None = None) -> Part:
    fields = dict(shape)
    inner = fields.pop("inner", [])
    is_multipart = fields["type"].startswith("multipart/")
    last = number if number is not None else "TEXT" if is_multipart else 1
    section = f"{prefix}{last}"
    if is_multipart:
        under = prefix if number is None else f"{section}."
        fields["children"] = tuple(numbered(one, under, n) for n, one in enumerate(inner, 1))
    elif inner:
        fields["message"] = numbered(inner[0], f"{section}.")
    elif not fields["type"].startswith("text/"):
        fields["lines"] = None
    return Part(section, **fields)


class Writer:
    """Writes a part as a server may: which of its ways it takes is drawn."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)
        self.response: list[bytes] = [b""]

    def write(self, text: bytes) -> None:
        self.response[-1] += text

    def string(self, value: str | None, *, as_words: bool = False) -> None:
        if value is None:
            self.write(b"NIL")
            return
        octets = value.encode()
        if as_words and ("=?" in value or not value.isascii()) and (b"=?" in octets or self._random.random() < 0.5):
            octets = b"=?utf-8?B?%s?=" % base64.b64encode(octets)
        if octets.isascii() and self._random.random() < 0.8:
            self.write(b'"%s"' % re.sub(rb'(["\\])', rb"\\\1", octets))
        else:
            self.write(b"{%d}\r\n" % len(octets))
            self.response += [octets, b""]

    def any_case(self, word: str) -> str:
        return self._random.choice([word, word.upper(), word.title()])

    def parameters(self, values: dict[str, str]) -> None:
        if not values:
            self.write(b"NIL")
            return
        pairs: list[tuple[str, str, bool]] = []
        for name, value in values.items():
            way = self._random.randrange(3)
            extended = "utf-8''" + quote(value)
            if way == 0 or "=?" in value:
                pairs.append((f"{name}*", extended, False))
            elif way == 1:
                # Not inside an escape of three letters.
                pieces = re.findall(r"(?:%..|.){1,8}", extended)
                pairs += [(f"{name}*{n}*", piece, False) for n, piece in enumerate(pieces)]
            else:
                pairs.append((name, value, True))
        self._random.shuffle(pairs)
        for n, (name, value, as_words) in enumerate(pairs):
            self.write(b" " if n else b"(")
            self.string(self.any_case(name))
            self.write(b" ")
            self.string(value, as_words=as_words)
        self.write(b")")

    def behind(self, part: Part) -> None:
        if part.disposition is None and part.disposition_parameters == {}:
            self.write(b" NIL ")
        else:
            self.write(b" (")
            self.string(None if part.disposition is None else self.any_case(part.disposition))
            self.write(b" ")
            self.parameters(dict(part.disposition_parameters))
            self.write(b") ")
        if len(part.language) == 1:
            self.string(part.language[0])
        elif part.language:
            self.write(b'("%s")' % '" "'.join(part.language).encode())
        else:
            self.write(b"NIL")
        self.write(b" ")
        self.string(part.location)
        self.write(self._random.choice([b")", b' "more" (1 (2)))']))

    def part(self, part: Part) -> None:
        kind, subtype = part.type.split("/")
        self.write(b"(")
        if part.children:
            for child in part.children:
                self.part(child)
            self.write(b" ")
            self.string(self.any_case(subtype))
            self.write(b" ")
            self.parameters(dict(part.parameters))
        else:
            self.string(self.any_case(kind))
            self.write(b" ")
            self.string(self.any_case(subtype))
            self.write(b" ")
            self.parameters(dict(part.parameters))
            self.write(b" ")
            self.string(None if part.content_id is None else f"<{part.content_id}>")
            self.write(b" ")
            self.string(part.description, as_words=True)
            self.write(b" ")
            self.string(self.any_case(part.encoding))
            self.write(b" %d" % (part.size or 0))
            if part.message is not None:
                self.write(b" " + ENVELOPE)
                self.part(part.message)
            if part.lines is not None:
                self.write(b" %d" % part.lines)
            self.write(b" ")
            self.string(part.md5)
        self.behind(part)


def written(part: Part, seed: int) -> list[bytes]:
    writer = Writer(seed)
    writer.part(part)
    return writer.response
