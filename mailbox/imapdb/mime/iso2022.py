"""ISO-2022-JP as it is sent: with half-width katakana, NEC and IBM characters that RFC 1468 does not have.

Python has no codec for what Microsoft calls cp50220; this module reads those octets segment by segment.
"""

from __future__ import annotations

import re
from typing import Final

__all__ = ["decode_japanese"]

_ESCAPE: Final = re.compile(rb"\x1b(?:\$\(?[@BD]|\([BHIJ])")
_PAIR: Final = re.compile(rb"[\x21-\x7e]{2}")
_HIGH: Final = bytes(n | 0x80 if 0x21 <= n <= 0x7E else n for n in range(256))  # noqa: PLR2004 - the range of ISO 646


def decode_japanese(octets: bytes, codec: str) -> str:
    """Decode octets labelled with one of the ISO-2022-JP family (RFC 1468, RFC 1554, RFC 2237).

    `codec` is the Python codec of the label. It is tried first, then the widest of Python's, then the segments one by
    one, with U+FFFD for what no table has. Never raises.
    """
    for name in (codec, "iso2022_jp_ext"):
        try:
            return octets.decode(name)
        except UnicodeError:
            continue
    parts: list[str] = []
    position, mode = 0, b"(B"
    for escape in _ESCAPE.finditer(octets):
        parts.append(_segment(octets[position : escape.start()], mode))
        position, mode = escape.end(), escape[0][1:]
    parts.append(_segment(octets[position:], mode))
    return "".join(parts)


def _segment(octets: bytes, mode: bytes) -> str:
    if mode.endswith(b"D"):
        return _PAIR.sub(lambda pair: b"\x8f" + pair[0], octets).translate(_HIGH).decode("euc_jp", "replace")
    if mode.startswith(b"$"):
        return _PAIR.sub(_shift, octets).decode("cp932", "replace")
    if mode == b"(I":
        octets = octets.translate(_HIGH)
    return octets.decode("cp932", "replace")  # reads raw Shift_JIS too, which some send under this name


def _shift(pair: re.Match[bytes]) -> bytes:
    """Move one JIS X 0208 character (row, cell) to its place in Shift_JIS: cp932 has the NEC and IBM rows."""
    row, cell = pair[0]
    lead = ((row - 0x21) >> 1) + 0x81
    if lead > 0x9F:  # noqa: PLR2004 - Shift_JIS leaves A0 to DF to the half-width katakana
        lead += 0x40
    if row % 2 == 0:
        return bytes((lead, cell + 0x7E))
    return bytes((lead, cell + (0x1F if cell < 0x60 else 0x20)))  # noqa: PLR2004 - 7F is left out
