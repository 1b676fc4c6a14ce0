"""Html to the text a reader shows: for parts that come without a plain alternative, and for terminals.

turbohtml tells tags, attributes, text and character references apart (WHATWG HTML section 13.2.5); what is a line, a
list or a quote is decided here, tag by tag. No tree is built: that of a hostile document may be thousands of times as
large as it. Nothing here raises for any text or takes more than linear time, and nothing is fetched or run.
"""

from __future__ import annotations

import html
import re
from itertools import pairwise
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from turbohtml import Token

__all__ = ["to_text"]


# A line of their own; those in the second set have an empty line around them.
_LINES: Final = frozenset(
    """address article aside body caption center dd details dialog dir div dt fieldset figcaption figure footer form
    header html legend li main menu nav optgroup section summary tbody td tfoot th thead tr""".split()  # noqa: SIM905 - forty lines
)
_PARAGRAPHS: Final = frozenset("blockquote dl h1 h2 h3 h4 h5 h6 hr ol p pre table ul".split())  # noqa: SIM905
_NOT_SHOWN: Final = frozenset("iframe noembed noframes script select style svg template title".split())  # noqa: SIM905
_HIDDEN: Final = re.compile(r"(?:^|;)\s*+(?:display\s*+:\s*+none|visibility\s*+:\s*+hidden)\b", re.IGNORECASE)
_HIDING: Final = ("hidden", "display", "visibility")
_SHOWN_LINK: Final = re.compile(r"(?:https?|ftps?|mailto|tel|sms|geo|xmpp|sip):[^\s<>]++\Z", re.IGNORECASE)
_NO_SIZE: Final = re.compile(r"\s*+0*[01]\s*+(?:px)?\s*+\Z", re.IGNORECASE)
# Invisible characters that fill the preview of a mail; joiners are part of words and only go where they stand alone.
_INVISIBLE: Final = re.compile("[\u00ad\u034f\u200b\u2060\ufeff]+")
_JOINERS: Final = "\u200c\u200d"
_UNSEEN: Final = re.compile("[\u00ad\u034f\u200b-\u200d\u2060\ufeff]")
_DEEPEST: Final = 8  # quotes and lists that are nested deeper look no deeper, else text would grow by its depth
_WIDEST_ROW: Final = 120  # characters; a wider row is a layout, whose cells are read one after the other
_LONGEST: Final = 1 << 22  # characters of html that are read, and of text that is given
_NO_TEXT: Final = re.compile("[\0\ud800-\udfff]")
_SCHEME: Final = re.compile(r"\A(?:[a-z]+:(?://)?)?(?:www\.)?")
# Every branch of it matches where it has begun, so no character is looked at twice.
_TAG: Final = re.compile(
    r"<(script|style|title)\b.*?(?:</\1[^<>]*+>?+|\Z)|<!--.*?(?:-->|\Z)|<[^<>]*+>?+", re.IGNORECASE | re.DOTALL
)
_LONG_NUMBER: Final = re.compile(r"&#[xX]?[0-9a-fA-F]{9,}+;?")


def to_text(source: str) -> str:
    """Turn html into text with LF line ends; no NUL and no lone surrogate comes out.

    Blocks stand on lines of their own, paragraphs and headings with an empty line between them, list items behind `* `
    or their number, quotes behind `> `; preformatted text keeps its lines and blanks. Several empty lines become one.
    The cells of a row share a line if each has one and they fit. A link is its text and, where that says less, its
    target in `<>` if a person can use it; a picture is its alternative text. Scripts, styles, the title, comments and
    elements that are hidden are left out (if one of those is never closed, it is shown after all). It ends
    where one of them grows longer than 4 million characters.
    """
    source = _NO_TEXT.sub("", source[:_LONGEST])
    try:
        text = _read(source)
    except Exception:  # noqa: BLE001 - odd mail is a row, whatever it may do to a library
        text = _without_tags(source)
    return text.replace("\r", "")[:_LONGEST]


def _read(source: str) -> str:
    from turbohtml import TokenType, tokenize  # noqa: PLC0415 - a twentieth of a second, for those who read html

    text, start, end = TokenType.TEXT, TokenType.START_TAG, TokenType.END_TAG
    # To ask each element whether it is hidden takes longer than all else.
    lowered = source.lower()
    for hides in (True, False) if any(word in lowered for word in _HIDING) else (False,):
        reader = _Reader(hides=hides)
        for token in tokenize(source):
            if (kind := token.type) is text:
                reader.text(token.data or "")
            elif kind is start:
                reader.start(token.tag or "", token)
            elif kind is end:
                reader.end(token.tag or "")
        reader.end_link()
        if not reader.hidden or reader.hidden in _NOT_SHOWN:
            break
    return reader.page.text()


def _without_tags(source: str) -> str:
    """Cut out what stands between `<` and `>`: for a document that the library cannot read."""
    text = html.unescape(_LONG_NUMBER.sub("\ufffd", _TAG.sub("\n", source)))
    return "\n".join(filter(None, (" ".join(line.split()) for line in text.split("\n"))))


class _Page:
    """Lines of text, as they come out: what stands before each (quote signs, a list item's sign), and the line."""

    def __init__(self) -> None:
        self.lines: list[tuple[str, str]] = []
        self.quotes = 0
        self.empty_line = False  # before the next line
        self._line: list[str] = []
        self._space = False  # before the next word of this line
        self._line_quotes = 0  # of the line before
        self.prefix = ""  # of the next line: a list item's sign, and as much space before those that follow
        self.after_target = False

    def add(self, text: str) -> None:
        """Add text whose white space means no more than that words end."""
        if not text.isascii() and _UNSEEN.search(text):
            text = _INVISIBLE.sub("", text)
            words = [word for word in text.split() if word.strip(_JOINERS)]
        else:
            words = text.split()
        if not words:
            self._space = self._space or bool(text)
            return
        apart = self._space or text[0].isspace() or (self.after_target and (text[0].isalnum() or text[0] == "<"))
        if self._line and apart:
            self._line.append(" ")
        self._line.append(" ".join(words))
        self._space = text[-1].isspace()
        self.after_target = False

    def add_lines(self, text: str) -> None:
        for number, line in enumerate(text.replace("\xa0", " ").split("\n")):
            if number:
                self.break_line()
            if line:
                self._line.append(line)

    def break_line(self) -> None:
        """End a line, an empty one too; never more than one of these after the other."""
        if self._line:
            self.end_line()
        else:
            self.empty_line = True

    def end_line(self) -> None:
        self._space = self.after_target = False
        if not self._line:
            return
        line, self._line = "".join(self._line).rstrip(), []
        if not line:
            self.empty_line = True
            return
        quotes = min(self.quotes, _DEEPEST)
        if self.empty_line and self.lines:
            self.lines.append(("> " * min(quotes, self._line_quotes), ""))
        self.lines.append(("> " * quotes + self.prefix, line))
        self.empty_line, self._line_quotes = False, quotes
        self.prefix = " " * len(self.prefix)

    def end_paragraph(self) -> None:
        self.end_line()
        if not self.prefix.strip():  # the first paragraph of a list item begins beside it
            self.empty_line = True

    def join(self, cells: list[int], *, closely: bool) -> bool:
        """Make one line of cells, given by the lines they begin at, if they fit; `closely` to the row before."""
        if len(cells) < 2 or len(self.lines) - cells[0] > 2 * len(cells):  # noqa: PLR2004 - alone it is a line already
            return False
        texts = [
            [line for line in self.lines[start:end] if line[1]] for start, end in pairwise([*cells, len(self.lines)])
        ]
        found = [line for lines in texts for line in lines]
        if not found or max(map(len, texts)) > 1 or sum(len(line) + 2 for _, line in found) > _WIDEST_ROW:
            return False
        first = cells[0]
        if not self.lines[first][1] and not closely:
            first += 1  # the empty line before
        self.lines[first:] = [(found[0][0], "  ".join(line for _, line in found))]
        self.empty_line = False
        return True

    def text(self) -> str:
        self.end_line()
        return "\n".join([(before + line).rstrip() for before, line in self.lines])


class _Reader:
    """Follows the tags. An element is its two tags, and what is open is counted, not kept."""

    def __init__(self, *, hides: bool) -> None:
        self.page = _Page()
        self._hides = hides
        self.hidden = ""  # name of the element that is left out
        self._depth = 0  # of elements of its name
        self._lists: list[int] = []  # the next number; 0 in a list without numbers
        self._tables: list[tuple[list[int], int]] = []  # the lines cells begin at; the line after the last joined row
        self._preformatted = 0
        self._link = ""
        self._shown: list[str] = []  # text of the link

    def text(self, text: str) -> None:
        if self.hidden:
            return
        if self._link:
            self._shown.append(text)
        if self._preformatted:
            self.page.add_lines(text)
        else:
            self.page.add(text)

    def start(self, name: str, tag: Token) -> None:
        if self.hidden == "p" and (name in _LINES or name in _PARAGRAPHS):
            self.hidden = ""  # nothing of these is in a paragraph
        if self.hidden:
            self._depth += name == self.hidden
        elif name in _NOT_SHOWN or (
            self._hides and (_HIDDEN.search(tag.attr("style") or "") or tag.attr("hidden") is not None)
        ):
            if name not in {"br", "hr", "img", "input", "link"} and not (tag.self_closing and name == "svg"):
                self.hidden, self._depth = name, 1
        else:
            self._around(name)
            self._open(name, tag)

    def _open(self, name: str, tag: Token) -> None:
        match name:
            case "hr":
                self.page.add("---")
                self.page.end_paragraph()
            case "img":
                if not any(_NO_SIZE.match(tag.attr(side) or "") for side in ("width", "height")):
                    self.text((tag.attr("alt") or "").strip())
            case "a":
                self.end_link()
                target = "".join((tag.attr("href") or "").split())
                self._link = target if _SHOWN_LINK.match(target) else ""
            case "blockquote":
                self.page.quotes += 1
            case "pre":
                self._preformatted += 1
            case "li" | "ul" | "ol":
                self._list(name, tag)
            case "table" | "tr" | "td" | "th":
                self._table(name)

    def _list(self, name: str, tag: Token) -> None:
        if name != "li":
            first = re.fullmatch("[1-9][0-9]{0,8}", tag.attr("start") or "")
            self._lists.append(0 if name == "ul" else int(first[0]) if first else 1)
            return
        sign = "* "
        if self._lists and self._lists[-1]:
            sign = f"{self._lists[-1]}. "
            self._lists[-1] += 1
        self.page.prefix = "  " * min(len(self._lists) - 1, _DEEPEST) + sign

    def _table(self, name: str) -> None:
        if name == "table":
            self._tables.append(([], -1))
        elif self._tables and name == "tr":
            self._end_row()
        elif self._tables:
            self._tables[-1][0].append(len(self.page.lines))

    def end(self, name: str) -> None:
        if self.hidden:
            self._depth -= name == self.hidden
            if not self._depth:
                self.hidden = ""
            return
        if name in {"ul", "ol"} and self._lists:
            self._lists.pop()
        self._around(name)
        match name:
            case "a":
                self.end_link()
            case "li" | "ul" | "ol":
                self.page.prefix = ""
            case "blockquote":
                self.page.quotes = max(0, self.page.quotes - 1)
            case "pre":
                self._preformatted = max(0, self._preformatted - 1)
            case "tr" | "table" if self._tables:
                self._end_row()
                if name == "table":
                    self._tables.pop()
                    self.page.empty_line = True

    def _around(self, name: str) -> None:
        if name == "br":
            self.page.break_line()  # at </br> too, as browsers do
        elif name in _LINES or (self._lists and name in {"ul", "ol"}):  # a list in a list
            self.page.end_line()
        elif name in _PARAGRAPHS:
            self.page.end_paragraph()

    def _end_row(self) -> None:
        cells, joined = self._tables.pop()
        if cells and self.page.join(cells, closely=cells[0] == joined):
            joined = len(self.page.lines)
        self._tables.append(([], joined))

    def end_link(self) -> None:
        shown = "".join("".join(self._shown).split())
        if self._link and shown and _bare(shown) != _bare(self._link):
            self.page.add(f" <{self._link}>")
            self.page.after_target = True
        self._link, self._shown = "", []


def _bare(link: str) -> str:
    """Give of a link what matters to a person."""
    link = link.lower().rstrip("/")
    return _SCHEME.sub("", link.partition("?")[0] if link.startswith("mailto:") else link)
