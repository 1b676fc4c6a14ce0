"""Internationalized domain names for display (RFC 3490, RFC 5890)."""

from __future__ import annotations

from functools import lru_cache
from typing import Final

__all__ = ["domain_to_unicode", "with_unicode_domain"]

_LONGEST_LABEL: Final = 63  # octets, RFC 1035 section 2.3.4


def with_unicode_domain(address: str) -> str:
    """Give `local@domain` with its domain for display, as `domain_to_unicode` makes it."""
    if "xn--" not in address and "xn--" not in address.lower():
        return address
    local, at, domain = address.rpartition("@")
    return f"{local}{at}{domain_to_unicode(domain)}"


@lru_cache(maxsize=2048)
def _label_to_unicode(label: str) -> str:
    try:
        text = label.lower().encode("ascii").decode("idna")
        back = text.encode("idna").decode("ascii")
    except UnicodeError:
        return label
    # What does not come back is no honest label: one with an ideographic full stop inside, for instance.
    return text if back == label.lower() and text.isprintable() else label


def domain_to_unicode(domain: str) -> str:
    """Give a domain with its `xn--` labels in Unicode (RFC 3490 section 4.2); a label that does not decode stays."""
    labels = domain.split(".")
    return ".".join(
        _label_to_unicode(label) if label[:4].lower() == "xn--" and len(label) <= _LONGEST_LABEL else label
        for label in labels
    )
