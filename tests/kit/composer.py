"""Well-formed messages of any structure, made from a seed by the standard library."""

from __future__ import annotations

import email.policy
import random
from email.message import EmailMessage, MIMEPart
from typing import Any

__all__ = ["Composer"]

FILENAMES = (
    "a.pdf",
    "two words.txt",
    'quo"te.bin',
    "Grüße.pdf",
    "日本語の添付ファイル.png",
    "sehr langer Name " * 8 + "ß.doc",
)
BODIES = ("hello\n", "Grüße und mehr\n" * 5, "x" * 200 + "\n", "", "日本語\n")


class Composer:
    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)

    def message(self, depth: int = 3) -> EmailMessage:
        message = EmailMessage(policy=email.policy.SMTP)
        self._fill(message, depth)
        message["Subject"] = self._random.choice(["hello", "Grüße", "日本語"])
        message["From"] = "ada@example.org"
        if "MIME-Version" not in message:
            message["MIME-Version"] = "1.0"
        return message

    def _fill(self, part: MIMEPart, depth: int) -> None:
        chance = self._random.random()
        if depth and chance < 0.45:
            subtype = self._random.choice(["mixed", "alternative", "related", "x-own"])
            part["Content-Type"] = f"multipart/{subtype}"
            for _ in range(self._random.randrange(1, 4)):
                inner = MIMEPart(policy=email.policy.SMTP)
                self._fill(inner, depth - 1)
                part.attach(inner)
        elif depth and chance < 0.55:
            part.set_content(self.message(depth - 1), **self._naming())
        elif chance < 0.8:
            text = self._random.choice(BODIES)
            charset = "utf-8" if not text.isascii() else self._random.choice(["utf-8", "us-ascii", "iso-8859-1"])
            way = self._random.choice(["quoted-printable", "base64"] + ["8bit"] * (charset == "utf-8"))
            subtype = self._random.choice(["plain", "html", "csv"])
            part.set_content(text, subtype=subtype, charset=charset, cte=way, **self._naming())
        else:
            octets = self._random.randbytes(self._random.choice([0, 1, 56, 57, 58, 500]))
            kind, subtype = self._random.choice([("image", "png"), ("application", "pdf"), ("audio", "x-y")])
            part.set_content(octets, kind, subtype, cid="<a@b>", **self._naming())

    def _naming(self) -> dict[str, Any]:
        naming: dict[str, Any] = {}
        if self._random.random() < 0.5:
            naming["disposition"] = self._random.choice(["inline", "attachment"])
            if self._random.random() < 0.7:
                naming["filename"] = self._random.choice(FILENAMES)
        if self._random.random() < 0.3:
            naming["params"] = {"name": self._random.choice(FILENAMES)}
        return naming
