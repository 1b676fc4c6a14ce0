"""Names of attachments: nothing in a mail chooses where a file goes."""

from __future__ import annotations

import ntpath
import sys
import unicodedata
from pathlib import Path, PurePosixPath, PureWindowsPath

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from imapdb.mime import filenames

HOSTILE = [
    ("../../etc/passwd\0.txt", "passwd.txt"),
    ("..\\..\\windows\\system32\\drivers\\etc\\hosts", "hosts"),
    ("/etc/passwd", "passwd"),
    ("/", "part-2.zip"),
    ("//server/share/a.txt", "a.txt"),
    ("\\\\server\\share\\a.txt", "a.txt"),
    ("\\\\?\\C:\\a.txt", "a.txt"),
    ("C:\\Users\\me\\a.txt", "a.txt"),
    ("C:a.txt", "a.txt"),
    ("c:", "part-2.zip"),
    ("a.txt::$DATA", "a.txt__$DATA"),
    ("a.txt:evil.exe", "a.txt_evil.exe"),
    (".", "part-2.zip"),
    ("..", "part-2.zip"),
    ("...", "part-2.zip"),
    (". . .", "part-2.zip"),
    ("../", "part-2.zip"),
    ("a/..", "a"),
    ("a/../", "a"),
    ("foo/", "foo"),
    ("..\0/..\0/x", "x"),
    (".\0./.\0./x", "x"),
    (".bashrc", "bashrc"),
    ("../.ssh/authorized_keys", "authorized_keys"),
    (".ssh\\authorized_keys", "authorized_keys"),
    ("-rf", "_rf"),
    ("--checkpoint-action=exec=sh x.sh", "_-checkpoint-action=exec=sh x.sh"),
    (" -rf *", "_rf _"),
    ("~root", "_root"),
    ("~/.profile", "profile"),
    ("CON", "_CON"),
    ("nul", "_nul"),
    ("NUL.txt", "_NUL.txt"),
    ("nul .txt", "_nul .txt"),
    ("Aux.tar.gz", "_Aux.tar.gz"),
    ("COM1", "_COM1"),
    ("com\u00b9.log", "_com\u00b9.log"),
    ("LPT9.doc", "_LPT9.doc"),
    ("CONIN$", "_CONIN$"),
    ("\u202enul", "_nul"),
    (" nul", "_nul"),
    ("console.log", "console.log"),
    ("com10.txt", "com10.txt"),
    ("invoice\u202efdp.exe", "invoicefdp.exe"),
    ("a\u2066b\u2069c\u200e.txt", "abc.txt"),
    ("a\u200b.e\u200bxe", "a.exe"),
    ("a.txt. . .", "a.txt"),
    ("a.exe ", "a.exe"),
    ("invoice.pdf                                   .exe", "invoice.pdf .exe"),
    ("a\r\nContent-Type: text/html.txt", "html.txt"),
    ("a\r\nb\tc.txt", "a b c.txt"),
    ("a\x1b[31mb.txt", "a[31mb.txt"),
    ("a\x7f\x9fb", "ab"),
    ("a\u2028b\u2029c", "abc"),
    ('a<b>c"d|e?f*g', "a_b_c_d_e_f_g"),
    ("..\uff0f..\uff0fetc\uff0fpasswd", "_.._etc_passwd"),
    ("a\u2215b\u2044c\uff3cd", "a_b_c_d"),
    ("\ud800a.txt", "a.txt"),
    ("???", "part-2.zip"),
    ("\0", "part-2.zip"),
    (" ", "part-2.zip"),
    ("%2e%2e%2fpasswd", "%2e%2e%2fpasswd"),
    ("$(reboot).txt", "$(reboot).txt"),
]


def is_reserved(name: str) -> bool:
    if sys.version_info >= (3, 13):
        return ntpath.isreserved(name)
    return PureWindowsPath(name).is_reserved()


def is_safe(name: str) -> bool:
    assert 0 < len(name.encode("utf-8")) <= filenames.LONGEST
    assert PurePosixPath(name).name == name == PureWindowsPath(name).name
    assert not is_reserved(name)
    assert not PureWindowsPath(name).drive
    assert name == unicodedata.normalize("NFC", name)
    assert not set(name) & set('<>:"/\\|?*')
    assert name[0] not in ".-~ "
    assert name[-1] not in ". "
    assert not [letter for letter in name if unicodedata.category(letter) in {"Cc", "Cs", "Zl", "Zp"}]
    assert not set(name) & set("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\u200e\u200f\u061c")
    return True


@pytest.mark.parametrize(("name", "wanted"), HOSTILE)
def test_hostile_names(name: str, wanted: str, tmp_path: Path) -> None:
    given_name = filenames.safe(name, section="2", content_type="application/zip")
    assert given_name == wanted
    assert is_safe(given_name)
    (tmp_path / given_name).write_bytes(b"x")
    assert [path.name for path in tmp_path.iterdir()] == [wanted]


@pytest.mark.parametrize(
    "name",
    [
        "a.txt",
        "Rechnung März 2026.pdf",
        "報告書.docx",
        "a.tar.gz",
        "no extension",
        "a, b & c (final).txt",
        "می‌خواهم.txt",
    ],
)
def test_good_names_stay(name: str) -> None:
    assert filenames.safe(name) == name


def test_composed() -> None:
    assert filenames.safe("Ma\u0308rz.txt") == "März.txt"


@pytest.mark.parametrize(
    ("name", "wanted"),
    [
        ("a" * 300 + ".pdf", "a" * 196 + ".pdf"),
        ("ä" * 300 + ".pdf", "ä" * 98 + ".pdf"),
        ("a" * 300, "a" * 200),
        ("a" * 195 + " " + "b" * 9 + ".pdf", "a" * 195 + ".pdf"),
        ("a." + "b" * 300, ("a." + "b" * 300)[:200]),
        ("a" * 1_000_000 + ".pdf", "a" * 196 + ".pdf"),
        ("😀" * 99 + ".jpeg", "😀" * 48 + ".jpeg"),
    ],
)
def test_length(name: str, wanted: str) -> None:
    assert filenames.safe(name) == wanted


@pytest.mark.parametrize(
    ("section", "content_type", "wanted"),
    [
        ("2", "image/png", "part-2.png"),
        ("1.2.3", "MESSAGE/RFC822", "part-1.2.3.eml"),
        ("2", "text/x-unheard-of", "part-2.txt"),
        ("2", "application/x-unheard-of", "part-2.bin"),
        ("", "", "part-1.bin"),
        ("../..", "a/../../b", "part-1.bin"),
    ],
)
def test_parts_without_a_name(section: str, content_type: str, wanted: str) -> None:
    assert filenames.safe(None, section=section, content_type=content_type) == wanted
    assert filenames.safe("", section=section, content_type=content_type) == wanted


PIECES = st.sampled_from(
    [*(name for name, _ in HOSTILE), "a", ".", " ", "-", "_", "\u0301", "\u0338", "\u200d", "ä" * 99, "x" * 99, ".txt"]
)


@given(st.lists(PIECES | st.text(max_size=5), max_size=6).map("".join))
@example("<\u0338")
@example("-\u0338.")
def test_any_name_is_made_safe_and_stays_so(name: str) -> None:
    once = filenames.safe(name)
    assert is_safe(once)
    assert filenames.safe(once) == once


def test_collisions() -> None:
    names = ["a.txt", "A.TXT", "a.txt", "b", "B", "a (2).txt", "März.txt", "MÄRZ.txt", ".x"]
    assert filenames.numbered(names) == [
        "a.txt",
        "A (2).TXT",
        "a (3).txt",
        "b",
        "B (2)",
        "a (2) (2).txt",
        "März.txt",
        "MÄRZ (2).txt",
        ".x",
    ]
    assert filenames.numbered(["a.txt"], taken=["A.txt", "a (2).TXT"]) == ["a (3).txt"]


@given(
    st.lists(st.sampled_from(["a.txt", "A.txt", "a (2).txt", "ß", "SS", "ﬁ", "fi", "x" * 200, "é" * 100]), max_size=12)
)
def test_no_two_are_the_same_file(names: list[str]) -> None:
    given_names = filenames.numbered(map(filenames.safe, names))
    assert len({name.casefold() for name in given_names}) == len(names)
    assert all(map(is_safe, given_names))


def test_many_of_one_name() -> None:
    assert filenames.numbered(["image.png"] * 50_000)[-1] == "image (50000).png"
