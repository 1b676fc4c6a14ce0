"""The files attached to the sample mail: small, valid, and the same in every run."""

from __future__ import annotations

import hashlib
import struct
import zlib

__all__ = ["calendar", "pdf", "png", "table"]


def pdf(title: str) -> bytes:
    """Make a PDF of one page that shows a title."""
    shown = title.encode("ascii", "replace").replace(b"(", b"[").replace(b")", b"]")
    stream = b"BT /F1 18 Tf 72 720 Td (" + shown + b") Tj ET"
    objects = (
        b"<< /Type /Catalog /Pages 2 0 R >>",
        b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        (
            b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents 4 0 R"
            b" /Resources << /Font << /F1 5 0 R >> >> >>"
        ),
        b"<< /Length %d >>\nstream\n%s\nendstream" % (len(stream), stream),
        b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>",
    )
    out = b"%PDF-1.4\n"
    places = []
    for number, content in enumerate(objects, start=1):
        places.append(len(out))
        out += b"%d 0 obj\n%s\nendobj\n" % (number, content)
    xref = b"".join(b"%010d 00000 n \n" % place for place in places)
    return (
        out
        + b"xref\n0 %d\n0000000000 65535 f \n%s" % (len(objects) + 1, xref)
        + b"trailer\n<< /Size %d /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF\n" % (len(objects) + 1, len(out))
    )


def png(width: int, height: int, seed: str) -> bytes:
    """Make a grey picture of noise: about width * height octets, since noise does not compress."""
    pixels = hashlib.shake_128(seed.encode()).digest(width * height)
    rows = b"".join(b"\0" + pixels[row * width : (row + 1) * width] for row in range(height))
    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    chunks = ((b"IHDR", header), (b"IDAT", zlib.compress(rows, 1)), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))
        for kind, content in chunks
    )


def table(lines: int) -> bytes:
    """Make a CSV file with a header and this many lines of sales."""
    rows = (f"{1000 + n},Region {n % 7},{(n * 37) % 500 + 10}.{(n * 13) % 100:02d}" for n in range(lines))
    return ("order,region,amount\r\n" + "\r\n".join(rows) + "\r\n").encode("ascii")


def calendar(summary: str, start: str) -> str:
    """Write an invitation (RFC 5545) to an hour that starts at YYYYMMDDTHHMMSSZ."""
    return (
        "BEGIN:VCALENDAR\nVERSION:2.0\nPRODID:-//imapdb//demo//EN\nMETHOD:REQUEST\nBEGIN:VEVENT\n"
        f"UID:{start}@calendar.example\nDTSTAMP:{start}\nDTSTART:{start}\nDURATION:PT1H\nSUMMARY:{summary}\n"
        "END:VEVENT\nEND:VCALENDAR\n"
    )
