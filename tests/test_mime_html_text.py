"""Html as a reader shows it, and html that nobody should be able to write."""

from __future__ import annotations

import html
import subprocess
import sys
from html.parser import HTMLParser

import pytest
import turbohtml
from hypothesis import given
from hypothesis import strategies as st

from imapdb.mime.html_text import to_text


@pytest.mark.parametrize(
    ("source", "text"),
    [
        ("", ""),
        ("plain", "plain"),
        ("  one\r\n\t two&nbsp; three ", "one two three"),
        ("a<b>b</b>c <i>d</i>", "abc d"),
        ("Fish &amp; chips &lt;now&gt; &euro;5 &#x41;&#66; &unknown; AT&T", "Fish & chips <now> €5 AB &unknown; AT&T"),
        # Blocks
        ("<p>one<p>two</p>three", "one\n\ntwo\n\nthree"),
        ("<div>one</div><div><div>two</div></div>", "one\ntwo"),
        ("<div>one</div><div><br></div><div>two</div>", "one\n\ntwo"),
        ("one<br>two<br/>three<br><br>four<br><br><br><br>five", "one\ntwo\nthree\n\nfour\n\nfive"),
        ("<h1>Title</h1>text<hr>more", "Title\n\ntext\n\n---\n\nmore"),
        ("<ul><li>a</li><li>b<ul><li>c</li></ul></li></ul>d", "* a\n* b\n  * c\n\nd"),
        ("<ol><li>a<li>b</ol><ol start=7><li>c</ol><ol start=-2><li>d</ol>", "1. a\n2. b\n\n7. c\n\n1. d"),
        ("<ul><li><p>a</p><p>b<br>c</p></li></ul>", "* a\n\n  b\n  c"),
        ("<li>a", "* a"),
        ("x<blockquote>a<blockquote><p>b</p></blockquote>c</blockquote>d", "x\n\n> a\n>\n> > b\n>\n> c\n\nd"),
        ("<blockquote><ul><li>a<li>b</ul></blockquote>", "> * a\n> * b"),
        ("<pre>\n a  b\r\n\n  c&nbsp;d\n</pre>d  e", " a  b\n\n  c d\n\nd e"),
        ("<pre>a\n   \nb&#13;</pre>c</br>d", "a\n\nb\n\nc\nd"),
        ("</p></div></blockquote></ul></pre></a></table></td></tr>text", "text"),
        ("<dl><dt>a<dd>b</dl>", "a\nb"),
        # Tables
        ("<table><tr><td>a</td><td>b</td></tr><tr><th>c<td>d</table>", "a  b\nc  d"),
        ("<table><tr><td><p>a</p></td><td><p>b</p><tr><td><p>c<td><p>d</table>e", "a  b\nc  d\n\ne"),
        ("<table><tr><td>a<td><td>c</table>", "a  c"),
        ("<table><tr><td>a<br>b<td>c</table>", "a\nb\nc"),
        (f"<table><tr><td>{'a' * 80}<td>{'b' * 80}</table>", f"{'a' * 80}\n{'b' * 80}"),
        ("<table><tr><td>a<table><tr><td>b<td>c</table></td></tr></table>", "a\n\nb  c"),
        ("<blockquote><table><tr><td>a<td>b</table></blockquote>", "> a  b"),
        ("<td>a<td>b", "a\nb"),
        # Left out
        ("<head><title>T</title><style>p { color: red }</style></head><body>a", "a"),
        ("a<script>if (1 < 2) '</b>'</script>b<SCRIPT src=x></SCRIPT>c", "abc"),
        ("a<!-- <p>no</p> -->b<!---->c<!-->d<!--->e<!-- -- --!>f", "abcdef"),
        ("<!DOCTYPE html><?xml version='1.0'?><![if !mso]>a<![endif]></3>b</>c", "abc"),
        ("<!--[if mso]><table><tr><td>no<![endif]-->yes", "yes"),
        ("<div style='color: red; DISPLAY : none'>no<div>no</div>no</div>yes", "yes"),
        ("<div hidden>no</div><p aria-hidden=true>yes", "yes"),
        ("<p hidden>no<p>yes", "yes"),
        ("<span style='visibility:hidden'>no</span><span style='background: nonexistent'>yes</span>", "yes"),
        ("<div style=display:none>never closed", "never closed"),
        ("<svg><text>no</text></svg><select><option>no</select>a<svg/>b", "ab"),
        ("pre&nbsp;&zwnj;&nbsp;&zwnj;\u200b &shy;view", "pre view"),
        ("می‌خواهم", "می‌خواهم"),
        # Links
        ("<a href='https://x.example/?a=1&amp;b=2'>shop</a>!", "shop <https://x.example/?a=1&b=2>!"),
        ("<a href=https://x.example/>https://x.example</a>", "https://x.example"),
        ("<a href=https://www.x.example/>X.example</a>", "X.example"),
        ("<a href='mailto:a@b.example?subject=x'>a@b.example</a>", "a@b.example"),
        ("<a href=mailto:a@b.example>write</a>", "write <mailto:a@b.example>"),
        ("<a href='javascript:alert(1)'>js</a><a href=data:text/html,x> data</a><a href=#top> top</a>", "js data top"),
        ("<a href=http://x><a href=http://y>y2</a></a>", "y2 <http://y>"),
        ("<a href=http://x>one</a><a href=http://y>two</a>three", "one <http://x> two <http://y> three"),
        ("<a href=http://x>never closed", "never closed <http://x>"),
        ("<a href='ht\ntp://x/\n y'>a</a>", "a <http://x/y>"),
        ("<a href=http://x></a><a href=http://x><img src=y></a><a name=here>b</a>", "b"),
        ("<a href=http://x><img src=y alt=Logo></a>", "Logo <http://x>"),
        # Images
        ("a<img src=x alt=' the  sun &amp; moon '>b", "athe sun & moonb"),
        ("a <img src=x> <img alt=''> <img alt=pixel width=1 height=1> <img alt=p height='0px'> b", "a b"),
        ("<img alt=no style='display:none'>a", "a"),
        # Broken
        ("a < b > c <3 d<", "a < b > c <3 d<"),
        ("a <b", "a"),
        ("a <!-- never closed <p>b", "a"),
        ("<a title='>'>b</a>", "b"),
        ("<p title=a'b>c", "c"),
        ("<p<p>a", "a"),
        ("<textarea><b></textarea>c", "<b>c"),
        ("<title>never closed", ""),
        ("<o:p>&nbsp;</o:p>a", "a"),
        ("&#0;&#xD800;&#1114112;&#" + "9" * 5000 + ";&#x" + "f" * 5000 + ";&#13;", "\ufffd" * 5),
        ("a\0b\ud800c", "abc"),
        ("a\rb<p>\0<br>\ud800<p>c", "a b\n\nc"),
    ],
)
def test_text(source: str, text: str) -> None:
    assert to_text(source) == text


def test_a_mail() -> None:
    source = """<html><body><div style="display:none;max-height:0">Your order has shipped&zwnj;&nbsp;&zwnj;&nbsp;</div>
    <table width="100%"><tr><td align="center"><img src="https://x/logo.png" alt="The Shop" width="200"></td></tr>
    <tr><td><h2>Thank you,&nbsp;Zoë!</h2><p>Your order <b>4711</b> is on its
    way.</p><table><tr><th>Item</th><th>Price</th></tr><tr><td>Tea</td><td>5 €</td></tr></table>
    <a href="https://x.example/track?id=4711">Track&nbsp;it</a></td></tr></table>
    <img src="https://x.example/open.gif" width="1" height="1"></body></html>"""
    assert to_text(source) == (
        "The Shop\n\nThank you, Zoë!\n\nYour order 4711 is on its way.\n\nItem  Price\nTea  5 €\n\n"
        "Track it <https://x.example/track?id=4711>"
    )


def test_what_the_library_cannot_read_is_read_without_it(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(source: str) -> None:
        raise RecursionError

    monkeypatch.setattr(turbohtml, "tokenize", fail)
    source = "<title>no</title>a &lt; b<p class=x>c  d<script>if (a < b)</script >e<!-- <p>no -->f\0<br>&#" + "9" * 5000
    assert to_text(source) == "a < b\nc d\ne\nf\n\ufffd"
    assert to_text("<style>never closed") == to_text("<!-- never closed") == to_text("<p never closed") == ""


def test_what_is_too_long_ends() -> None:
    assert to_text("a" * 5_000_000) == "a" * (1 << 22)


def test_the_library_is_loaded_by_those_who_read_html() -> None:
    program = "import sys, imapdb.mime.html_text, imapdb.mime.body_text\nassert 'turbohtml' not in sys.modules"
    subprocess.run([sys.executable, "-c", program], env={"PYTHONPATH": ":".join(sys.path)}, check=True)


PIECES = st.sampled_from(
    """
    <p> </p> <div> </div> <li> <ul> </ul> <ol> </ol> <blockquote> </blockquote> <pre> </pre> <a href=http://x> </a> <br>
    <div|hidden> <p|hidden> <img|alt=a> <script> </script> <!-- --> <! > < </ <a " ' = & &amp; &#0; &#xd800; &#13;
    &nbsp; <table> </table> <tr> </tr> <td> </td> ]]> <![CDATA[ <textarea> </textarea> <title> <svg> <svg/> \0 a b
    \u200c \ud800 <h1> <hr> <plaintext> <ol|start=9>
    """.replace("\n", " ").split(" ")
).map(lambda piece: piece.replace("|", " "))


@given(st.lists(PIECES | st.text(max_size=3), max_size=40).map("".join))
def test_anything_is_read(source: str) -> None:
    text = to_text(source)
    text.encode("utf-8")
    assert not set(text) & set("\r\0\xa0")
    assert "\n\n\n" not in text
    assert text == "\n".join(line.rstrip() for line in text.split("\n"))


WORDS = st.text(st.characters(categories=["L", "N", "P", "S"]), min_size=1, max_size=8)


@given(st.lists(WORDS, max_size=9))
def test_text_without_tags_survives(words: list[str]) -> None:
    words = [word for word in (word.replace("\u034f", "") for word in words) if word]
    assert to_text(html.escape("  \n".join(words))) == " ".join(words)


@given(
    st.recursive(
        WORDS.map(html.escape),
        lambda inner: st.builds(
            "<{0}>{1} {2}</{0}>".format, st.sampled_from(["p", "div", "b", "span", "td", "tr", "table"]), inner, inner
        ),
    )
)
def test_good_html_loses_no_word(source: str) -> None:
    class Parser(HTMLParser):
        def handle_data(self, data: str) -> None:
            found.append(data)

    found: list[str] = []
    parser = Parser()
    parser.feed(source)
    parser.close()
    assert to_text(source).split() == "".join(found).replace("\u034f", "").split()


LONG_RUNS = """
    < <a| <a|= <a|b=" <a|b=' <a|b="' <!-- <!--|> <! <![ <? </ <![CDATA[ & &# &#9 &#x &amp <p> <b> </p> <div> <font>
    <table><tr><td> <table><tr><td>a<td>b</tr> <td>a <ul><li> <ol><li>x <blockquote> <blockquote>x <pre>|x <p|hidden>
    <a|href=http://x>y <div|hidden></p> <script> <script></scrip <title></titl <svg> <img|alt=a> <br> <textarea> a| |
    = " <a|b <li><p> <p|a=b|a=b> <select><option> <template> <plaintext>
    """.split()  # noqa: SIM905 - as a list it would be forty lines


@pytest.mark.parametrize("piece", LONG_RUNS)
def test_any_long_run_is_read(piece: str, monkeypatch: pytest.MonkeyPatch) -> None:
    # Quadratic time would hang here.
    piece = piece.replace("|", " ")
    count = 100_000 // len(piece)
    assert len(to_text(piece * count)) < 5 * 100_000
    to_text("<a b=" + piece * count + ">")
    monkeypatch.delattr(turbohtml, "tokenize")
    assert len(to_text(piece * count)) <= 100_000
