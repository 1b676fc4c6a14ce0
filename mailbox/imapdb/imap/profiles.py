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
    """

    name: str
    text_keys: frozenset[str]
    folds_unicode: bool = False


_ADDRESSES = frozenset({"FROM", "TO", "CC", "BCC"})
_HEADERS = _ADDRESSES | {"SUBJECT"}

GENERIC = Profile("generic", _HEADERS)
PROFILES = {
    "dovecot": Profile("dovecot", _HEADERS, folds_unicode=True),
    # GreenMail 2.1 compares FROM, TO, CC and BCC with one whole address.
    "greenmail": Profile("greenmail", frozenset({"SUBJECT"})),
    "pymap": Profile("pymap", _HEADERS),
}


def recognise(*said: str) -> Profile:
    """Pick the profile by a server's greeting and ID; the careful one for a server nobody knows."""
    text = " ".join(said).lower()
    return next((profile for name, profile in PROFILES.items() if name in text), GENERIC)
