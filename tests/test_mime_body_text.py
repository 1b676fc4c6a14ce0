"""Text parts: labels that are right, wrong, unknown and missing."""

from __future__ import annotations

import email
import email.policy
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imapdb.mime import body_text, charset
from imapdb.mime.body_text import NO_LABEL, NOT_IN_CHARSET, NUL, UNKNOWN_LABEL, WRONG_LABEL

if TYPE_CHECKING:
    from email.message import EmailMessage

GERMAN = "Sehr geehrte Damen und Herren, anbei die Rechnung für März. Grüße aus München, Jörg Müller"
RUSSIAN = "Добрый день! Отправляю вам документы по договору. С уважением, Иван"  # noqa: RUF001 - it is Cyrillic
JAPANESE = "お世話になっております。資料を添付いたします。よろしくお願いいたします。"
CHINESE = "您好,附件是本月的报表,请查收。谢谢!"
LABELS = st.sampled_from(
    [None, "", "us-ascii", "utf-8", "iso-8859-1", "iso-8859-7", "gb2312", "iso-2022-jp", "utf-16", "utf-7", "x-unknown"]
)


@pytest.mark.parametrize(
    ("octets", "label", "text", "codec", "problems"),
    [
        (b"", None, "", "ascii", []),
        (b"plain", None, "plain", "ascii", []),
        (b"plain", "us-ascii", "plain", "ascii", []),
        (b"a\r\nb\rc\nd", "us-ascii", "a\nb\nc\nd", "ascii", []),
        (b"a\0b", "utf-8", "ab", "utf_8", [NUL]),
        (b"a\0b", None, "ab", "ascii", [NUL]),
        ("ä".encode(), "utf-8", "ä", "utf_8", []),
        (b"\xe4", "iso-8859-1", "ä", "latin_1", []),
        (b"\x93a\x94", "iso-8859-1", "“a”", "latin_1", []),
        ("你好".encode("gb18030"), "gb2312", "你好", "gb2312", []),
        # A replacement character that was sent is none of ours.
        ("\ufffd".encode(), "utf-8", "\ufffd", "utf_8", []),
        # Marks
        (b"\xef\xbb\xbf\xc3\xa4", None, "ä", "utf_8", []),
        (b"\xef\xbb\xbf\xc3\xa4", "utf-8", "ä", "utf_8", []),
        (b"\xef\xbb\xbf\xc3\xa4", "iso-8859-1", "ä", "utf_8", [WRONG_LABEL]),
        (b"\xff\xfea\0\xe4\0", None, "aä", "utf_16", []),
        (b"\xff\xfea\0\xe4\0", "utf-16le", "aä", "utf_16", []),
        (b"\xff\xfea\0\xe4\0", "utf-8", "aä", "utf_16", [WRONG_LABEL]),
        (b"\xff\xfe\0\0a\0\0\0", None, "a", "utf_32", []),
        (b"\xff\xfea\0\xe4\0b", None, "aä\ufffd", "utf_16", [NOT_IN_CHARSET]),
        (b"\xfe\xff\0a\xd8\0\0b", "utf-8", "a\ufffdb", "utf_16", [WRONG_LABEL, NOT_IN_CHARSET]),
        # No label, unknown label
        ("ä".encode(), None, "ä", "utf_8", [NO_LABEL]),
        ("ä".encode(), "", "ä", "utf_8", [NO_LABEL]),
        ("ä".encode(), "us-ascii", "ä", "utf_8", [WRONG_LABEL]),
        ("ä".encode(), "x-nobody", "ä", "utf_8", [UNKNOWN_LABEL]),
        (b"plain", "x-nobody", "plain", "ascii", [UNKNOWN_LABEL]),
        (b"f\xfcr", None, "für", "cp1252", [NO_LABEL]),
        (b"caf\xe9", "us-ascii", "café", "cp1252", [WRONG_LABEL]),
        ("日本".encode("iso2022_jp"), None, "日本", "iso2022_jp", [NO_LABEL]),
        ("한국".encode("iso2022_kr"), None, "한국", "iso2022_kr", [NO_LABEL]),
        ("Hello there".encode("utf-16-le"), None, "Hello there", "utf_16_le", [NO_LABEL]),
        (GERMAN.encode("utf-16-be"), None, GERMAN, "utf_16_be", [NO_LABEL]),
        (GERMAN.encode("utf-16-le"), "us-ascii", GERMAN, "utf_16_le", [WRONG_LABEL]),
        (GERMAN.encode("utf-32-le"), None, GERMAN, "utf_32_le", [NO_LABEL]),
        (GERMAN.encode("utf-32-be"), "x-nobody", GERMAN, "utf_32_be", [UNKNOWN_LABEL]),
        ("日本".encode("iso2022_jp"), "us-ascii", "日本", "iso2022_jp", [WRONG_LABEL]),
        # Other names, and supersets
        ("日本①".encode("cp932"), "ms_kanji", "日本①", "cp932", []),
        (b"\x1b$B-!\x1b(B", "ISO-2022-JP", "①", "iso2022_jp", []),
        (b"\x1b(I1\x1b(B", "iso-2022-jp", "ｱ", "iso2022_jp", []),
        ("日本".encode("iso2022_jp_3"), "ISO-2022-JP-3", "日本", "iso2022_jp_3", []),
        ("丂鿫".encode("gb18030"), '"GB2312"', "丂鿫", "gb2312", []),
        (b"~{VPND~}", "hz-gb-2312", "中文", "hz", []),
        (b"Hi +ImIDtQ-!", "UNICODE-1-1-UTF-7", "Hi ∂ε!".replace("∂ε", "\u2262\u03b5"), "utf_7", []),
        (b"+2AA-", "utf-7", "\ufffd", "utf_7", [NOT_IN_CHARSET]),
        ("ñ€".encode(), "utf8", "ñ€", "utf_8", []),
        (b"\xa4", "ISO_8859-15", "€", "iso8859_15", []),
        (b"\x80", "windows-1252", "€", "cp1252", []),
        # Wrong labels
        (b"plain, and nothing else", "utf-16", "plain, and nothing else", "ascii", [WRONG_LABEL]),
        ("中文".encode("utf-16-be"), "utf-16", "中文", "utf_16", []),
        (GERMAN.encode("cp1252"), "utf-8", GERMAN, "cp1252", [WRONG_LABEL]),
        (RUSSIAN.encode("cp1251"), "utf-8", RUSSIAN, "cp1251", [WRONG_LABEL]),
        (b"caf\xe9", "utf-8", "café", "cp1252", [WRONG_LABEL]),
        (b"a\x81\xff\xff", "shift_jis", "a\ufffd\uf8f3\uf8f3", "shift_jis", [NOT_IN_CHARSET]),
        (b"\xff\xfeabc", "iso-8859-1", "ÿþabc", "latin_1", []),
        (JAPANESE.encode(), "iso-2022-jp", JAPANESE, "utf_8", [WRONG_LABEL]),
        (JAPANESE.encode(), "shift_jis", JAPANESE, "utf_8", [WRONG_LABEL]),
        (GERMAN.encode(), "iso-8859-1", GERMAN, "utf_8", [WRONG_LABEL]),
        (RUSSIAN.encode(), "koi8-r", RUSSIAN, "utf_8", [WRONG_LABEL]),
        (("Grüße, " * 4).encode(), "shift_jis", "Grüße, " * 4, "utf_8", [WRONG_LABEL]),
        ("Ã¼ is ü".encode("latin-1"), "iso-8859-1", "Ã¼ is ü", "latin_1", []),
        ("联通".encode("gbk"), "gbk", "联通", "gbk", []),
        # Right but for a few octets
        (GERMAN.encode() + b"\xc3", "utf-8", GERMAN + "\ufffd", "utf_8", [NOT_IN_CHARSET]),
        (GERMAN.encode() + b"\xff", None, GERMAN + "\ufffd", "utf_8", [NO_LABEL, NOT_IN_CHARSET]),
        (b"a\xff" + CHINESE.encode("gb18030"), "gbk", None, "gbk", [NOT_IN_CHARSET]),
    ],
)
def test_text(octets: bytes, label: str | None, text: str | None, codec: str, problems: list[str]) -> None:
    found = body_text.decode(octets, label)
    assert found[1:] == (codec, problems)
    assert text is None or found.text == text


@pytest.mark.parametrize(
    ("text", "codec"),
    [
        (GERMAN, "cp1252"),
        ("Für", "cp1252"),
        ("Grüße", "cp1252"),
        ("It\u2019s “fine” – really", "cp1252"),
        ("Preis: 12 €", "cp1252"),
        ("Total £5.00", "cp1252"),
        ("20°C today", "cp1252"),
        ("© 2026 Company™", "cp1252"),
        ("yes — no", "cp1252"),
        ("Hälsningar från Göteborg", "cp1252"),
        ("Teşekkürler", "cp1254"),
        ("Příloha", "cp1250"),
        ("Привет", "koi8_r"),
        ("こんにちは", "shift_jis"),
        ("会議の資料を送ります", "euc_jp"),
        ("안녕하세요", "euc_kr"),
        ("Добрый день! Отправляю вам документы", "iso8859_5"),
        ("Добрый день! Отправляю вам документы", "cp866"),
        ("Café für alle", "cp1252"),
        ("Nous vous remercions de votre réponse à notre dernière lettre", "cp1252"),
        ("Dobrý den, děkuji za Vaši zprávu. Příloha obsahuje účet za měsíc březen. Tomáš", "cp1250"),
        ("Dzień dobry, proszę o przesłanie faktury za miesiąc październik. Łukasz", "iso8859_2"),
        (RUSSIAN, "cp1251"),
        (RUSSIAN, "koi8_r"),
        ("Привет, как дела?", "cp1251"),
        ("Καλημέρα σας, σας στέλνω το τιμολόγιο. Με εκτίμηση, Γιώργος", "cp1253"),
        ("שלום רב, מצורף המסמך שביקשת. בברכה, דוד", "cp1255"),
        ("مرحبا، أرسل لكم الفاتورة المرفقة. مع تحياتي", "cp1256"),
        ("สวัสดีครับ กรุณาดูเอกสารแนบ ขอบคุณครับ", "cp874"),
        (JAPANESE, "shift_jis"),
        (JAPANESE, "euc_jp"),
        (CHINESE * 3, "gbk"),
        ("您好,附件是本月的報表,請查收。謝謝!", "big5"),
        ("안녕하세요. 첨부 파일을 확인해 주세요. 감사합니다.", "euc_kr"),
    ],
)
def test_detection(text: str, codec: str) -> None:
    octets = text.encode(codec)
    assert body_text.decode(octets, None).text == text
    assert body_text.decode(b"plain text before it\r\n" * 5000 + octets, None).text.endswith(text)


def test_detection_is_the_same_in_every_process() -> None:
    program = (
        "from imapdb.mime import body_text\n"
        f"for octets in {[bytes([n, 0xE4, n ^ 0x55]) for n in range(0x80, 0xC0)]!r}:\n"
        "    print(ascii(body_text.decode(octets, None)))\n"
    )
    answers = {
        subprocess.run(
            [sys.executable, "-c", program],
            env={"PYTHONPATH": ":".join(sys.path), "PYTHONHASHSEED": seed},
            capture_output=True,
            check=True,
        ).stdout
        for seed in ("0", "1")
    }
    assert len(answers) == 1


@pytest.mark.parametrize(
    ("octets", "label", "text", "problems"),
    [
        (b'<meta charset="windows-1251"><p>\xcf\xf0\xe8', None, "При", []),
        (b"<META http-equiv=x content='text/html; charset=koi8-r'>\xf0\xd2\xc9", None, "При", []),
        (b"<meta charset=koi8-r>\xf0\xd2\xc9", "us-ascii", "При", [WRONG_LABEL]),
        (b"<meta charset=koi8-r>\xf0\xd2\xc9", "iso-8859-1", "ðÒÉ", []),
        (b"<meta charset=utf-16><p>\xc3\xa4", None, "ä", []),
        (b"<meta charset=utf-8><p>\xfcr Gr\xfc\xdfe", None, "ür Grüße", [NO_LABEL]),
        (b"<meta charset=nonsense><p>f\xfcr", None, "für", [NO_LABEL]),
        (b"<meta charset=iso-2022-jp><p>\x1b$BF|K\\\x1b(B", None, "日本", []),
        (b"<meta charset=utf-7><p>+AOQ-", None, "ä", []),
    ],
)
def test_html(octets: bytes, label: str | None, text: str, problems: list[str]) -> None:
    found = body_text.decode(octets, label, is_html=True)
    assert found.text.rpartition(">")[2] == text
    assert found.problems == problems


@given(st.binary(max_size=80), LABELS, st.booleans())
def test_any_octets_are_read(octets: bytes, label: str | None, is_html: bool) -> None:
    found = body_text.decode(octets, label, is_html=is_html)
    found.text.encode("utf-8")
    assert not set(found.text) & set("\r\0")
    assert charset.codec_of(found.codec) == found.codec


@given(st.text(st.characters(exclude_characters="\0\r\ufeff", exclude_categories=["Cs"]), max_size=60))
def test_what_was_encoded_comes_back(text: str) -> None:
    for codec, label in (("utf-8", "UTF-8"), ("gb18030", "gb18030"), ("utf-16-be", "utf-16be"), ("utf-16", "utf-16")):
        assert body_text.decode(text.encode(codec), label)[::2] == (text, [])


@given(st.text(st.characters(codec="iso-8859-15", exclude_characters="\0\r", exclude_categories=["Cc"]), max_size=60))
def test_as_the_email_package_reads_it(text: str) -> None:
    octets = text.encode("iso-8859-15")
    head = b"Content-Type: text/plain; charset=iso-8859-15\nContent-Transfer-Encoding: 8bit\n\n"
    message: EmailMessage = email.message_from_bytes(head + octets, policy=email.policy.default)
    assert body_text.decode(octets, "iso-8859-15") == (message.get_content(), "iso8859_15", [])


@pytest.mark.parametrize("label", [None, "utf-8", "us-ascii", "shift_jis", "iso-2022-jp", "utf-7", "gb2312"])
@pytest.mark.parametrize("octets", [b"\xe4", b"\xc3\xa4\xff", b"\0", b"\xff\xfe", b"<meta ", b"\x1b$", b"+2"])
def test_any_long_run_is_read(octets: bytes, label: str | None) -> None:
    body_text.decode(octets * (300_000 // len(octets)), label, is_html=True)
