"""What a server's SEARCH can be trusted with, by the name it gives itself in its greeting or ID.

What a profile does not trust is not asked; the answer stays right, it only costs more.
"""

from __future__ import annotations

import dataclasses

__all__ = ["GENERIC", "Profile", "recognise"]


@dataclasses.dataclass(frozen=True, slots=True)
class Profile:
    """What is trusted.

    `text_keys` find every well-formed message that holds a word; with `folds_unicode` also where it is not ASCII.
    `folds_long_s`: `s` finds the long s too, `k` the Kelvin sign, as Unicode folds them. `counts_octets`: LARGER and
    SMALLER compare RFC822.SIZE. `folds_keywords`: KEYWORD finds a keyword in whatever case it was set.
    """

    name: str
    text_keys: frozenset[str]
    folds_unicode: bool = False
    folds_long_s: bool = False
    counts_octets: bool = False
    folds_keywords: bool = False


_ADDRESSES = frozenset({"FROM", "TO", "CC", "BCC"})
_HEADERS = _ADDRESSES | {"SUBJECT"}

GENERIC = Profile("generic", _HEADERS)
PROFILES = {
    "dovecot": Profile(
        "dovecot", _HEADERS, folds_unicode=True, folds_long_s=True, counts_octets=True, folds_keywords=True
    ),
    # GreenMail 2.1 compares FROM, TO, CC and BCC with one whole address, and LARGER and SMALLER with the size of the
    # body; it answers BAD to a size of 2,147,483,648 or more.
    "greenmail": Profile("greenmail", frozenset({"SUBJECT"}), folds_long_s=True, folds_keywords=True),
    # pymap 0.36 folds ASCII only, and compares keywords octet by octet.
    "pymap": Profile("pymap", _HEADERS, counts_octets=True),
}


def recognise(*said: str) -> Profile:
    """Pick the profile by a server's greeting and ID; the careful one for a server nobody knows."""
    text = " ".join(said).lower()
    return next((profile for name, profile in PROFILES.items() if name in text), GENERIC)
