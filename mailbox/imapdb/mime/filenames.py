"""The name a mail gives an attachment, to a name that is safe on every file system.

RFC 2183 section 2.3: a name from a mail is a hint, its directories mean nothing, and it must not name a device, a
hidden file or another file than the one that is saved. What counts as dangerous is the union over POSIX, Windows and
macOS, so that a directory of attachments can be carried from one to the other.
"""

from __future__ import annotations

import re
import unicodedata
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["Numbering", "extension_for", "numbered", "safe"]

LONGEST: Final = 200  # octets of UTF-8: file systems end at 255, and a number or ".part" may be added
_LONGEST_EXTENSION: Final = 20
_LONGEST_LOOKED_AT: Final = 4096

# Joiners stay: Persian words and emoji are spelt with them. The rest of the format characters (marks, embeddings,
# overrides and isolates of direction, zero-width spaces, tags) is only seen by what it does to other characters.
_JOINERS: Final = "\u200c\u200d"
_DROPPED: Final = frozenset({"Cc", "Cf", "Cn", "Co", "Cs", "Zl", "Zp"})
_SEPARATORS: Final = re.compile(r"[/\\]")
_DRIVE: Final = re.compile(r"\A[A-Za-z]:")
# Refused by Windows, and the look-alikes its narrow interfaces turn into separators and colons.
_REFUSED: Final = re.compile(r'[<>:"|?*\u2044\u2215\u2216\u29f5\u29f8\u29f9\ufe55\ufe68\uff0f\uff1a\uff3c]')
_RESERVED: Final = re.compile(
    r"\A(?:con|prn|aux|nul|conin\$|conout\$|clock\$|(?:com|lpt)[0-9\u00b9\u00b2\u00b3])[ ]*(?:\.|\Z)", re.IGNORECASE
)
_EDGES: Final = ". "
_NOT_FIRST: Final = re.compile(r"\A[-~]")  # an option to a program, a home directory to a shell

_EXTENSIONS: Final = {
    "application/gzip": ".gz",
    "application/json": ".json",
    "application/ms-tnef": ".dat",
    "application/msword": ".doc",
    "application/pdf": ".pdf",
    "application/pgp-encrypted": ".pgp",
    "application/pgp-keys": ".asc",
    "application/pgp-signature": ".asc",
    "application/pkcs7-mime": ".p7m",
    "application/pkcs7-signature": ".p7s",
    "application/rtf": ".rtf",
    "application/vnd.ms-excel": ".xls",
    "application/vnd.ms-powerpoint": ".ppt",
    "application/vnd.ms-tnef": ".dat",
    "application/vnd.oasis.opendocument.spreadsheet": ".ods",
    "application/vnd.oasis.opendocument.text": ".odt",
    "application/vnd.openxmlformats-officedocument.presentationml.presentation": ".pptx",
    "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet": ".xlsx",
    "application/vnd.openxmlformats-officedocument.wordprocessingml.document": ".docx",
    "application/x-pkcs7-mime": ".p7m",
    "application/x-pkcs7-signature": ".p7s",
    "application/x-zip-compressed": ".zip",
    "application/xml": ".xml",
    "application/zip": ".zip",
    "audio/mpeg": ".mp3",
    "audio/ogg": ".ogg",
    "audio/x-wav": ".wav",
    "image/bmp": ".bmp",
    "image/gif": ".gif",
    "image/heic": ".heic",
    "image/jpeg": ".jpg",
    "image/jpg": ".jpg",
    "image/png": ".png",
    "image/svg+xml": ".svg",
    "image/tiff": ".tif",
    "image/webp": ".webp",
    "message/delivery-status": ".txt",
    "message/disposition-notification": ".txt",
    "message/global": ".eml",
    "message/rfc822": ".eml",
    "text/calendar": ".ics",
    "text/css": ".css",
    "text/csv": ".csv",
    "text/directory": ".vcf",
    "text/html": ".html",
    "text/markdown": ".md",
    "text/plain": ".txt",
    "text/rfc822-headers": ".txt",
    "text/richtext": ".rtx",
    "text/rtf": ".rtf",
    "text/vcard": ".vcf",
    "text/x-vcard": ".vcf",
    "text/xml": ".xml",
    "video/mp4": ".mp4",
    "video/mpeg": ".mpg",
    "video/quicktime": ".mov",
}


def extension_for(content_type: str) -> str:
    """Give the extension, with its dot, for a content type without parameters; `.bin` for one that is not known.

    A table of our own: the `mimetypes` module answers by what is installed on the machine.
    """
    name = content_type.lower().strip()
    return _EXTENSIONS.get(name) or (".txt" if name.startswith("text/") else ".bin")


def safe(name: str | None, *, section: str = "1", content_type: str = "") -> str:
    r"""Make the name of an attachment safe to save under in a directory.

    What comes before the last `/` or `\` goes, a drive letter too; so do control characters, characters of no script
    (unassigned, private, surrogates) and every mark of direction. White space becomes single spaces. What Windows
    refuses becomes `_`, and so do look-alikes of separators. Dots and spaces at both ends go, so nothing is hidden and
    nothing is `..`; a `-` or `~` at the beginning becomes `_`; names of devices (`nul`, `COM1.txt`) get a `_` in
    front. The result is in Unicode NFC, at most 200 octets of UTF-8 long with its extension kept, and never empty:
    where nothing is left it is `part-<section>` with an extension by the content type. A safe name stays as it is.
    """
    # The end of a name that is longer than anything a file system knows: it has the extension.
    found = _cleaned(name if len(name) <= _LONGEST_LOOKED_AT else name[-_LONGEST_LOOKED_AT:]) if name else ""
    if found.strip("_"):
        return found
    number = re.sub(r"[^0-9.]", "", section)[:32].strip(".") or "1"
    return f"part-{number}{extension_for(content_type)}"


def numbered(names: Iterable[str], taken: Iterable[str] = ()) -> list[str]:
    """Give safe names of one directory, with numbers where two would be the same file: `a.txt`, `a (2).txt`.

    Those in `taken` are there already. The order stays, and the first keeps its name.
    """
    numbering = Numbering(taken)
    return [numbering.free(name) for name in names]


class Numbering:
    """The names of one directory. They are the same where they differ only in case, or in how Unicode spells them."""

    def __init__(self, taken: Iterable[str] = ()) -> None:
        self._used = {_key(name) for name in taken}
        self._counts: dict[str, int] = {}

    def free(self, name: str) -> str:
        """Give a safe name, with a number where it is taken; it is taken from now on."""
        key = _key(name)
        candidate, count = name, self._counts.get(key, 1)
        if count > 1:
            candidate = _with_number(name, count)
        while _key(candidate) in self._used:
            count += 1
            candidate = _with_number(name, count)
        self._counts[key] = count
        self._used.add(_key(candidate))
        return candidate


def _key(name: str) -> str:
    return unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", name).casefold())


def _with_number(name: str, number: int) -> str:
    stem, extension = _split(name)
    ending = f" ({number}){extension}"
    return _cut(stem, LONGEST - len(ending.encode("utf-8"))) + ending


def _cleaned(name: str) -> str:
    if not name.isascii():
        name = "".join(filter(_is_kept, name))
        name = unicodedata.normalize("NFC", name)
    elif not name.isprintable():
        name = "".join(letter for letter in name if letter.isprintable() or letter in "\t\r\n")
    name = next((part for part in reversed(_SEPARATORS.split(name)) if part.strip(_EDGES)), "")
    name = _REFUSED.sub("_", _DRIVE.sub("", " ".join(name.split())))
    name = _NOT_FIRST.sub("_", name.strip(_EDGES))
    if _RESERVED.match(name):
        name = f"_{name}"
    if len(name.encode("utf-8")) > LONGEST:
        stem, extension = _split(name)
        name = _cut(stem, LONGEST - len(extension.encode("utf-8"))) + extension
    return name


def _is_kept(letter: str) -> bool:
    return letter in _JOINERS or letter in "\t\r\n" or unicodedata.category(letter) not in _DROPPED


def _split(name: str) -> tuple[str, str]:
    """Split off the extension with its dot; empty where there is none that is worth keeping."""
    stem, dot, extension = name.rpartition(".")
    if not stem.strip(_EDGES) or len(extension.encode("utf-8")) >= _LONGEST_EXTENSION:
        return name, ""
    return stem, dot + extension


def _cut(stem: str, length: int) -> str:
    """Cut to so many octets, not inside a character, and leave no dot or space at the end."""
    return stem.encode("utf-8")[:length].decode("utf-8", "ignore").rstrip(_EDGES)
