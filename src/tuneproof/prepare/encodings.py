"""In which encoding a file is written: UTF-8 where it can be, else found out by charset-normalizer."""

from __future__ import annotations

import codecs
import re
from pathlib import Path

from tuneproof.errors import DataError

AUTO = "auto"

MARKS = {
    codecs.BOM_UTF32_LE: "utf-32",
    codecs.BOM_UTF32_BE: "utf-32",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}
"""Byte order marks; UTF-32's little-endian one starts as UTF-16's does, so it is looked for first."""

CANDIDATES = [
    *("cp1252", "cp1250", "cp1251", "cp1253", "cp1254", "cp1255", "cp1256", "cp1257", "cp1258"),
    *("koi8_r", "cp874", "shift_jis", "cp932", "euc_jp", "euc_kr", "gb18030", "big5"),
]
"""Encodings of real text files. The old DOS ones (cp775, cp850, …) are left out: they fit any file, and are rare."""

SAMPLE = 262_144
"""Bytes of lines with non-ASCII characters that are looked at; they tell encodings apart, the others do not."""

NEAR = 0.02
"""Where Windows-1252 is as likely as the best up to this difference of charset-normalizer's shares, it is taken."""


def found(path: Path, content: bytes) -> str:
    """Python's name of the encoding of a text file.

    Raises `DataError` where the file is binary, is UTF-8 with damaged bytes, or no encoding fits.
    """
    for mark, name in MARKS.items():
        if content.startswith(mark):
            return name
    try:
        content.decode("utf-8")
    except UnicodeDecodeError as error:
        return _legacy(path, content, error)
    return _wide(content) or "utf-8"


def _wide(content: bytes) -> str | None:
    """UTF-16 without a byte order mark shows as a NUL in every other byte of Latin text."""
    zeros = [content[start:20_000:2].count(0) for start in (0, 1)]
    size = len(content[:20_000]) / 2
    if size >= 10 and max(zeros) > 0.7 * size and min(zeros) < 0.05 * size:
        return "utf-16-be" if zeros[0] > zeros[1] else "utf-16-le"
    return None


def _legacy(path: Path, content: bytes, error: UnicodeDecodeError) -> str:
    """An encoding of one or two bytes a character."""
    from charset_normalizer import from_bytes

    place = f"{path}:{content[: error.start].count(10) + 1}: byte 0x{content[error.start]:02x}"
    if b"\0" in content:
        if (wide := _wide(content)) is not None:
            return wide
        raise DataError(f"{place}: found a binary file; allowed: a text file, or another format.kind")
    letters = len(re.findall(rb"[\xc2-\xdf][\x80-\xbf]|[\xe0-\xef][\x80-\xbf]{2}|[\xf0-\xf4][\x80-\xbf]{3}", content))
    strange = content.decode("utf-8", errors="replace").count("\ufffd") - content.count(b"\xef\xbf\xbd")
    if letters > 10 * strange:
        raise DataError(
            f"{place} is not utf-8, but {letters:,} other characters are; mend the file, or set `encoding` to its own"
        )
    sample = _sample(content)
    matches = list(from_bytes(sample, cp_isolation=CANDIDATES, steps=10, chunk_size=1024))
    if not matches:
        raise DataError(f"{place} is not utf-8, and no other encoding fits; set `encoding` to the file's own")
    best = matches[0]
    near = [
        match
        for match in matches
        if match.encoding == "cp1252" and match.chaos < best.chaos + NEAR and match.coherence > best.coherence - NEAR
    ]
    same = sample.decode("cp1252", errors="replace") == sample.decode(best.encoding)
    name = "cp1252" if near or same else best.encoding
    if name == "cp1252" and not re.search(rb"[\x80-\x9f]", content):
        return "latin-1"
    return name


def _sample(content: bytes) -> bytes:
    """The first lines with non-ASCII bytes, whole ones, so that no character is cut."""
    taken, size = [], 0
    for line in content.split(b"\n"):
        if not line.isascii() and size < SAMPLE:
            taken.append(line)
            size += len(line)
    return b"\n".join(taken)
