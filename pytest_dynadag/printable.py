"""Text that may be shown anywhere: what cannot be seen, moves the cursor or turns the text around is written out."""

from __future__ import annotations

import unicodedata

_UNPRINTABLE = frozenset(["Cc", "Cf", "Cs", "Co", "Zl", "Zp"])


def escape(text: str) -> str:
    r"""Write what cannot be seen, or would move the cursor or turn the text around, as `\uXXXX`."""
    if text.isascii() and text.isprintable():
        return text
    return "".join(_escape(c) if unicodedata.category(c) in _UNPRINTABLE else c for c in text)


def escape_lines(text: str) -> str:
    """Escape each line of *text* for itself; tabs stay as well."""
    return "\n".join("\t".join(map(escape, line.split("\t"))) for line in text.split("\n"))


def shorten(text: str, most: int) -> str:
    """Cut *text* to *most* characters, and say how many there were."""
    return text if len(text) <= most else f"{text[:most]}... ({len(text)} characters)"


def _escape(character: str) -> str:
    number = ord(character)
    return f"\\u{number:04x}" if number < 0x10000 else f"\\U{number:08x}"
