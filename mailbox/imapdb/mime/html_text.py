"""Html to the text a reader shows: for parts that come without a plain alternative, and for terminals.

turbohtml tells tags, attributes, text and character references apart (WHATWG HTML section 13.2.5); what is a line, a
list or a quote is decided here, tag by tag. No tree is built: that of a hostile document may be thousands of times as
large as it. Nothing here raises for any text or takes more than linear time, and nothing is fetched or run.
"""

from __future__ import annotations

import html
import re
from collections.abc import Callable
from functools import lru_cache
from itertools import pairwise
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

    from turbohtml import Token

__all__ = ["to_text"]


# A line of their own; those in the second set have an empty line around them.
_LINES: Final = frozenset(
    """address article aside body caption center dd details dialog dir div dt fieldset figcaption figure footer form
    header html legend li main menu nav optgroup section summary tbody td tfoot th thead tr""".split()  # noqa: SIM905 - forty lines
)
_PARAGRAPHS: Final = frozenset("blockquote dl h1 h2 h3 h4 h5 h6 hr ol p pre table ul".split())  # noqa: SIM905
_NOT_SHOWN: Final = frozenset("iframe noembed noframes script select style svg template title".split())  # noqa: SIM905
_EMPTY: Final = frozenset("br hr img input link".split())  # noqa: SIM905 - as above; these have no end
_HIDDEN: Final = re.compile(r"(?:^|;)\s*+(?:display\s*+:\s*+none|visibility\s*+:\s*+hidden)\b", re.IGNORECASE)
_HIDING: Final = (b"hidden", b"display", b"visibility")
# As an attribute, not in another one's name or a value as `overflow:hidden`; told only to save time.
_ATTRIBUTE: Final = re.compile(rb"hidden(?<=[\s/\"']hidden)[\s/>=]")
_SHOWN_LINK: Final = re.compile(r"(?:https?|ftps?|mailto|tel|sms|geo|xmpp|sip):[^\s<>]++\Z", re.IGNORECASE)
_NO_SIZE: Final = re.compile(r"\s*+0*[01]\s*+(?:px)?\s*+\Z", re.IGNORECASE)
# Invisible characters that fill the preview of a mail; joiners are part of words and only go where they stand alone.
_INVISIBLE: Final = re.compile("[\u00ad\u034f\u200b\u2060\ufeff]+")
_JOINERS: Final = "\u200c\u200d"
_UNSEEN: Final = re.compile("[\u00ad\u034f\u200b-\u200d\u2060\ufeff]")
_DEEPEST: Final = 8  # quotes and lists that are nested deeper look no deeper, else text would grow by its depth
_WIDEST_ROW: Final = 120  # characters; a wider row is a layout, whose cells are read one after the other
_LONGEST: Final = 1 << 22  # characters of html that are read, and of text that is given
_LONE_SURROGATES: Final = re.compile("[\ud800-\udfff]")
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
    source = source[:_LONGEST].replace("\0", "")
    try:
        octets = source.encode()
    except UnicodeEncodeError:
        source = _LONE_SURROGATES.sub("", source)
        octets = source.encode()
    # Of the letters that are none of ASCII no lower-case form is one of these.
    lowered = octets.lower()
    asks = any(word in lowered for word in _HIDING)
    attribute = asks and _ATTRIBUTE.search(lowered) is not None
    try:
        text = _read(source, asks=asks, attribute=attribute)
    except Exception:  # noqa: BLE001 - odd mail is a row, whatever it may do to a library
        text = _without_tags(source)
    return text.replace("\r", "")[:_LONGEST]


def _read(source: str, *, asks: bool, attribute: bool) -> str:
    from turbohtml import tokenize  # noqa: PLC0415 - a twentieth of a second, for those who read html

    # To ask each element whether it is hidden takes longer than all else.
    for hides in (True, False) if asks else (False,):
        reader = _Reader(tokenize(source), asks=hides, attribute=attribute)
        reader.read()
        if not reader.hidden or reader.hidden in _NOT_SHOWN:
            break
    return reader.page()


def _without_tags(source: str) -> str:
    """Cut out what stands between `<` and `>`: for a document that the library cannot read."""
    text = html.unescape(_LONG_NUMBER.sub("\ufffd", _TAG.sub("\n", source)))
    return "\n".join(filter(None, (" ".join(line.split()) for line in text.split("\n"))))


class _Page:
    """Lines of text, as they come out: what stands before each (quote signs, a list item's sign), and the line."""

    def __init__(self) -> None:
        self._lines: list[tuple[str, str]] = []
        self._quotes = 0
        self._empty_line = False  # before the next line
        self._line: list[str] = []
        self._space = False  # before the next word of this line
        self._line_quotes = 0  # of the line before
        self._prefix = ""  # of the next line: a list item's sign, and as much space before those that follow
        self._after_target = False

    def add(self, text: str, words: str) -> None:
        """Add text whose white space means no more than that words end; `words` is it without that around it."""
        if words.isprintable() and "  " not in words and "\u034f" not in words:
            # Not printable is all other white space, and all else that is invisible.
            if line := self._line:
                if self._space or self._after_target or words[0] != text[0]:
                    self.set_apart(text)
                self._after_target = False
            line.append(words)
            self._space = words[-1] != text[-1]
        else:
            self.add_words(text)

    def add_words(self, text: str) -> None:
        words = text.split()
        if not text.isascii() and _UNSEEN.search(text):
            text = _INVISIBLE.sub("", text)
            words = [word for word in text.split() if word.strip(_JOINERS)]
        if not words:
            self._space = self._space or bool(text)
            return
        if self._line:
            self.set_apart(text)
        self._line.append(" ".join(words))
        self._space = text[-1].isspace()
        self._after_target = False

    def set_apart(self, text: str) -> None:
        """Put a blank before a text where one belongs."""
        first = text[0]
        if self._space or first.isspace() or (self._after_target and (first.isalnum() or first == "<")):
            self._line.append(" ")

    def add_lines(self, text: str) -> None:
        for number, line in enumerate(text.replace("\xa0", " ").split("\n")):
            if number:
                self.break_line()
            if line:
                self._line.append(line)

    def break_line(self, _: object = None) -> None:
        """End a line, an empty one too; never more than one of these after the other."""
        if self._line:
            self.end_line()
        else:
            self._empty_line = True

    def end_line(self, _: object = None) -> None:
        if not (parts := self._line):
            return
        line = ("".join(parts) if len(parts) > 1 else parts[0]).rstrip()
        self._line = []
        self._space = self._after_target = False
        if not line:
            self._empty_line = True
            return
        before = between = ""
        if self._quotes or self._prefix or self._line_quotes:
            quotes = min(self._quotes, _DEEPEST)
            before, between = "> " * quotes + self._prefix, "> " * min(quotes, self._line_quotes)
            self._line_quotes = quotes
            self._prefix = " " * len(self._prefix)
        if self._empty_line and self._lines:
            self._lines.append((between, ""))
        self._lines.append((before, line))
        self._empty_line = False

    def end_paragraph(self, _: object = None) -> None:
        if self._line:
            self.end_line()
        if not self._prefix or not self._prefix.strip():  # the first paragraph of a list item begins beside it
            self._empty_line = True

    def join(self, cells: list[int], *, closely: bool) -> bool:
        """Make one line of cells, given by the lines they begin at, if they fit; `closely` to the row before."""
        if len(self._lines) - cells[0] > 2 * len(cells):
            return False
        texts = [
            [line for line in self._lines[start:end] if line[1]] for start, end in pairwise([*cells, len(self._lines)])
        ]
        found = [line for lines in texts for line in lines]
        if not found or max(map(len, texts)) > 1 or sum(len(line) + 2 for _, line in found) > _WIDEST_ROW:
            return False
        first = cells[0]
        if not self._lines[first][1] and not closely:
            first += 1  # the empty line before
        self._lines[first:] = [(found[0][0], "  ".join(line for _, line in found))]
        self._empty_line = False
        return True

    def page(self) -> str:
        """Give what is on the page."""
        self.end_line()
        return "\n".join([before + line if line else before.rstrip() for before, line in self._lines])


class _Reader(_Page):
    """Follows the tags. An element is its two tags, and what is open is counted, not kept."""

    def __init__(self, tokens: Iterator[Token], *, asks: bool, attribute: bool) -> None:
        super().__init__()
        self._tokens = tokens
        self._asks = asks  # whether an element is hidden
        self._attribute = attribute  # whether one may be by its attribute
        self._hiding = lru_cache(maxsize=128)(_HIDDEN.search)  # nearly all elements have the same few styles
        self.hidden = ""  # name of the element that is left out and does not end
        self._lists: list[int] = []  # the next number; 0 in a list without numbers
        self._tables: list[tuple[list[int], int]] = []  # the lines cells begin at; the line after the last joined row
        self._preformatted = 0
        self._link = ""
        self._shown: list[str] = []  # text of the link

    def read(self) -> None:
        from turbohtml import TokenType  # noqa: PLC0415

        text, start, end, asks = TokenType.TEXT, TokenType.START_TAG, TokenType.END_TAG, self._asks
        begin, finish, add, hiding = _STARTS.get, _ENDS.get, self.add, self._hiding
        for token in self._tokens:
            if (kind := token.type) is text:
                data = token.data or ""
                if self._preformatted or self._link:
                    self.text(data)
                elif words := data.strip():
                    add(data, words)
                elif data:
                    self._space = True
            elif kind is start:
                if asks and (hiding(token.attr("style") or "") or (self._attribute and self._is_hidden(token))):
                    self.leave_out(token)
                elif handle := begin(token.tag):
                    handle(self, token)
            elif kind is end and (handle := finish(token.tag)):
                handle(self, token)
        self.end_link()

    def text(self, text: str) -> None:
        if self._link:
            self._shown.append(text)
        if self._preformatted:
            self.add_lines(text)
        elif words := text.strip():
            self.add(text, words)
        elif text:
            self._space = True

    def _is_hidden(self, tag: Token) -> bool:
        return bool(self._hiding(tag.attr("style") or "")) or tag.attr("hidden") is not None

    def leave_out(self, tag: Token) -> None:
        """Pass over an element, and go on with a tag that ends it unsaid."""
        following: Token | None = tag
        while following is not None and (following.tag in _NOT_SHOWN or (self._asks and self._is_hidden(following))):
            following = self._pass_over(following.tag or "", following)
        if following and (handle := _STARTS.get(following.tag)):
            handle(self, following)

    def _pass_over(self, name: str, tag: Token) -> Token | None:
        from turbohtml import TokenType  # noqa: PLC0415

        if name in _EMPTY or (tag.self_closing and name == "svg"):
            return None
        depth, start, end = 1, TokenType.START_TAG, TokenType.END_TAG
        for token in self._tokens:
            if (kind := token.type) is start:
                if name == "p" and (token.tag in _LINES or token.tag in _PARAGRAPHS):
                    return token  # nothing of these is in a paragraph
                depth += token.tag == name
            elif kind is end:
                depth -= token.tag == name
            if not depth:
                return None
        self.hidden = name
        return None

    def rule(self, _: Token) -> None:
        self.end_paragraph()
        self.add("---", "---")
        self.end_paragraph()

    def image(self, tag: Token) -> None:
        shown = (tag.attr("alt") or "").strip()
        if shown and not any(_NO_SIZE.match(tag.attr(side) or "") for side in ("width", "height")):
            self.text(shown)

    def begin_link(self, tag: Token) -> None:
        self.end_link()
        target = "".join((tag.attr("href") or "").split())
        self._link = target if _SHOWN_LINK.match(target) else ""

    def end_link(self, _: object = None) -> None:
        if not self._link:
            return
        shown = "".join("".join(self._shown).split())
        if shown and _bare(shown) != _bare(self._link):
            self.add_words(f" <{self._link}>")
            self._after_target = True
        self._link, self._shown = "", []

    def begin_nested(self, tag: Token) -> None:
        self.end_paragraph()
        if tag.tag == "pre":
            self._preformatted += 1
        else:
            self._quotes += 1

    def end_nested(self, tag: Token) -> None:
        self.end_paragraph()
        if tag.tag == "pre":
            self._preformatted = max(0, self._preformatted - 1)
        else:
            self._quotes = max(0, self._quotes - 1)

    def begin_list(self, tag: Token) -> None:
        (self.end_line if self._lists else self.end_paragraph)()  # a list in a list is a line
        first = re.fullmatch("[1-9][0-9]{0,8}", tag.attr("start") or "")
        self._lists.append(0 if tag.tag == "ul" else int(first[0]) if first else 1)

    def end_list(self, _: Token) -> None:
        if self._lists:
            self._lists.pop()
        (self.end_line if self._lists else self.end_paragraph)()
        self._prefix = ""

    def begin_item(self, _: Token) -> None:
        self.end_line()
        sign = "* "
        if self._lists and self._lists[-1]:
            sign = f"{self._lists[-1]}. "
            self._lists[-1] += 1
        self._prefix = "  " * min(len(self._lists) - 1, _DEEPEST) + sign

    def end_item(self, _: Token) -> None:
        self.end_line()
        self._prefix = ""

    def begin_table(self, _: Token) -> None:
        self.end_paragraph()
        self._tables.append(([], -1))

    def end_table(self, tag: Token) -> None:
        self.end_paragraph()
        if self._tables:
            self.row(tag)
            self._tables.pop()
            self._empty_line = True

    def row(self, _: Token) -> None:
        if self._line:
            self.end_line()
        if self._tables and (cells := self._tables[-1][0]):
            joined = self._tables[-1][1]
            if len(cells) > 1 and self.join(cells, closely=cells[0] == joined):  # alone it is a line already
                joined = len(self._lines)
            self._tables[-1] = ([], joined)

    def begin_cell(self, _: Token) -> None:
        if self._line:
            self.end_line()
        if self._tables:
            self._tables[-1][0].append(len(self._lines))


_Handlers = dict[str | None, Callable[[_Reader, "Token"], None]]
_BOTH: Final[_Handlers] = {
    **dict.fromkeys(_LINES, _Reader.end_line),
    **dict.fromkeys(_PARAGRAPHS, _Reader.end_paragraph),
    "br": _Reader.break_line,  # at </br> too, as browsers do
    "tr": _Reader.row,
}
_STARTS: Final[_Handlers] = {
    **_BOTH, **dict.fromkeys(_NOT_SHOWN, _Reader.leave_out), **dict.fromkeys(("td", "th"), _Reader.begin_cell),
    **dict.fromkeys(("blockquote", "pre"), _Reader.begin_nested), **dict.fromkeys(("ul", "ol"), _Reader.begin_list),
    "a": _Reader.begin_link, "hr": _Reader.rule, "img": _Reader.image, "li": _Reader.begin_item,
    "table": _Reader.begin_table,
}  # fmt: skip
_ENDS: Final[_Handlers] = {
    **_BOTH, **dict.fromkeys(("blockquote", "pre"), _Reader.end_nested),
    **dict.fromkeys(("ul", "ol"), _Reader.end_list), "a": _Reader.end_link, "li": _Reader.end_item,
    "table": _Reader.end_table,
}  # fmt: skip


def _bare(link: str) -> str:
    """Give of a link what matters to a person."""
    link = link.lower().rstrip("/")
    return _SCHEME.sub("", link.partition("?")[0] if link.startswith("mailto:") else link, count=1)
