"""Octets in a named charset to text, whatever the name and whatever the octets.

Labels in mail are wrong, misspelt or unknown often enough that none of it is an error here. The supersets that
mailers really send under a narrower name follow the WHATWG Encoding Standard (section 4.2), the names themselves
the IANA registry as Python's codecs know it.
"""

from __future__ import annotations

import codecs
import re
from encodings.aliases import aliases
from functools import cache, lru_cache, partial
from typing import TYPE_CHECKING, Final

from imapdb.mime import iso2022

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["codec_of", "decode", "decoder"]

# Named one by one: codecs.lookup() also knows zlib, rot13, idna, unicode_escape and whatever a program registers,
# and it keeps every unknown name it was ever asked for.
_TEXT_CODECS: Final = frozenset(
    """
    ascii big5 big5hkscs cp037 cp273 cp424 cp437 cp500 cp720 cp737 cp775 cp850 cp852 cp855 cp856 cp857 cp858 cp860
    cp861 cp862 cp863 cp864 cp865 cp866 cp869 cp874 cp875 cp932 cp949 cp950 cp1006 cp1026 cp1125 cp1140 cp1250
    cp1251 cp1252 cp1253 cp1254 cp1255 cp1256 cp1257 cp1258 euc_jis_2004 euc_jisx0213 euc_jp euc_kr gb18030 gb2312
    gbk hp_roman8 hz iso2022_jp iso2022_jp_1 iso2022_jp_2 iso2022_jp_2004 iso2022_jp_3 iso2022_jp_ext iso2022_kr
    iso8859_2 iso8859_3 iso8859_4 iso8859_5 iso8859_6 iso8859_7 iso8859_8 iso8859_9 iso8859_10 iso8859_11 iso8859_13
    iso8859_14 iso8859_15 iso8859_16 johab koi8_r koi8_t koi8_u kz1048 latin_1 mac_croatian mac_cyrillic mac_farsi
    mac_greek mac_iceland mac_latin2 mac_roman mac_romanian mac_turkish ptcp154 shift_jis shift_jis_2004
    shift_jisx0213 tis_620 utf_7 utf_8 utf_16 utf_16_be utf_16_le utf_32 utf_32_be utf_32_le
    """.split()  # noqa: SIM905 - as a list it would be a hundred lines
)

# Names seen in mail that Python does not know; the keys are squeezed (see _squeeze).
_EXTRA_NAMES: Final = {
    "88591": "latin_1",
    "ansi": "cp1252",
    "big5eten": "cp950",
    "cn": "gb2312",
    "cnbig5": "big5",
    "cp50220": "iso2022_jp",
    "cp50221": "iso2022_jp",
    "cp65001": "utf_8",
    "cseuckr": "euc_kr",
    "csiso88596e": "iso8859_6",
    "csiso88596i": "iso8859_6",
    "dos874": "cp874",
    "eucgb2312cn": "gb2312",
    "iso2022jpms": "iso2022_jp",
    "iso8859": "latin_1",
    "iso88591windows31latin1": "latin_1",
    "iso88596e": "iso8859_6",
    "iso88596i": "iso8859_6",
    "iso88598e": "iso8859_8",
    "iso88598i": "iso8859_8",
    "koi": "koi8_r",
    "koi8": "koi8_r",
    "koi8ru": "koi8_u",
    "ksc": "euc_kr",
    "ksc5601": "euc_kr",
    "ksc56011987": "euc_kr",
    "ksc56011989": "euc_kr",
    "logical": "iso8859_8",
    "mac": "mac_roman",
    "macce": "mac_latin2",
    "macukrainian": "mac_cyrillic",
    "suneugreek": "iso8859_7",
    "ucs2": "utf_16",
    "unicode11utf7": "utf_7",
    "unicode11utf8": "utf_8",
    "utf8mb4": "utf_8",
    "utf8sig": "utf_8",
    "visual": "iso8859_8",
    "windows31j": "cp932",
    "windows874": "cp874",
    "windows936": "gbk",
    "windows949": "cp949",
    "windows950": "cp950",
}

# Tried in order, strictly; the last one replaces what it cannot read. The named codec comes first where it can tell
# its own octets from those of the superset, the superset alone where it cannot.
_CHAINS: Final = {
    "big5": ("big5", "cp950", "big5hkscs"),
    "cp950": ("cp950", "big5hkscs"),
    "euc_jp": ("euc_jp", "euc_jis_2004"),
    "euc_kr": ("euc_kr", "cp949"),
    "gb2312": ("gb18030",),
    "gbk": ("gb18030",),
    "iso8859_9": ("cp1254", "iso8859_9"),
    "iso8859_11": ("cp874", "iso8859_11"),
    "shift_jis": ("shift_jis", "cp932"),
    "tis_620": ("cp874", "iso8859_11"),
}

# windows-1252 with its five holes filled as in ISO 8859-1: every octet is a character, so it can end every chain.
_WINDOWS_1252: Final = "".join(bytes([n]).decode("cp1252", "ignore") or chr(n) for n in range(256))

_JAPANESE_ISO_2022: Final = frozenset(
    {"iso2022_jp", "iso2022_jp_1", "iso2022_jp_2", "iso2022_jp_3", "iso2022_jp_2004", "iso2022_jp_ext"}
)
_SURROGATES: Final = re.compile("[\ud800-\udfff]")
_LONGEST_LABEL: Final = 64  # the longest IANA name has 45 characters; longer ones must not fill the cache


def _squeeze(label: str) -> str:
    """Give the letters and digits of a label in lower case: `ISO_8859-1` and `iso8859 1` are the same name."""
    return re.sub(r"[^a-z0-9]", "", label.lower())


def _names() -> dict[str, str]:
    names = {_squeeze(alias): codec for alias, codec in aliases.items() if codec in _TEXT_CODECS}
    names |= {_squeeze(codec): codec for codec in _TEXT_CODECS}
    return names | _EXTRA_NAMES


_NAMES: Final = _names()


@lru_cache(maxsize=512)
def _lookup(label: str) -> str | None:
    name = _squeeze(label.partition(";")[0].lower().removeprefix("charset="))
    for prefix in ("", "x", "cs", "win", "xwin"):
        rest = name.removeprefix(prefix)
        if rest in _NAMES:
            return _NAMES[rest]
        if prefix.endswith("win") and f"cp{rest}" in _NAMES:
            return _NAMES[f"cp{rest}"]
    return None


def codec_of(label: str | None) -> str | None:
    """Name the Python codec a charset label stands for.

    `label` is the charset as a message spells it, in any case, with or without quotes. None comes back for None, for
    an unknown name, and for Python codecs that are no charset (zlib, rot13, idna, unicode_escape …).
    """
    return None if label is None or len(label) > _LONGEST_LABEL else _lookup(label)


def decode(octets: bytes, label: str | None) -> str:
    """Decode octets that a message says are in charset `label` (RFC 2045 section 5, RFC 2047 section 3).

    Never raises. Without a known label the octets are UTF-8 if they can be, else windows-1252. Octets the charset does
    not have become U+FFFD; the result holds no surrogate, so it always encodes as UTF-8. A leading byte order mark is
    taken away. Control characters stay: what they mean depends on whether this is a body or a header.
    """
    return decoder(codec_of(label))(octets)


@cache
def decoder(codec: str | None) -> Callable[[bytes], str]:
    """Give what `decode` does for a codec that `codec_of` names."""
    match codec:
        case None | "ascii":
            return _unlabelled
        case "latin_1" | "cp1252":
            return _windows_1252
        case "utf_8":
            return _utf_8
        case "utf_16" | "utf_32":
            return partial(_wide, codec=codec)
        case "utf_7":
            return _utf_7
    return partial(iso2022.decode_japanese if codec in _JAPANESE_ISO_2022 else _chain, codec=codec)


def _windows_1252(octets: bytes) -> str:
    return codecs.charmap_decode(octets, "strict", _WINDOWS_1252)[0]


def _utf_8(octets: bytes) -> str:
    return octets.removeprefix(codecs.BOM_UTF8).decode("utf-8", "replace")


def _utf_7(octets: bytes) -> str:
    # It alone can spell half of a character.
    return _SURROGATES.sub("\ufffd", _chain(octets, "utf_7"))


def _unlabelled(octets: bytes) -> str:
    try:
        return octets.removeprefix(codecs.BOM_UTF8).decode("utf-8")
    except UnicodeDecodeError:
        return _windows_1252(octets)


def _wide(octets: bytes, codec: str) -> str:
    # Python assumes the machine's own order where no mark says otherwise; RFC 2781 section 4.3 says big-endian.
    marks = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE, codecs.BOM_UTF32_LE, codecs.BOM_UTF32_BE)
    return octets.decode(codec if octets.startswith(marks) else f"{codec}_be", "replace").removeprefix("\ufeff")


def _chain(octets: bytes, codec: str) -> str:
    chain = _CHAINS.get(codec, (codec,))
    for name in chain:
        try:
            return octets.decode(name)
        except UnicodeError:
            continue
    return octets.decode(chain[-1], "replace")
