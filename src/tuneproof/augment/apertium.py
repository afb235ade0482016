"""Translation of many texts by Apertium, a rule-based translator (Forcada et al. 2011), offline and deterministic.

One chain of Apertium's programs a direction serves all texts: each is a null-terminated block, after which the programs
flush (option -z), so that no word moves from one text to the next. The blocks are written as `apertium-destxt` does it.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Iterable, Sequence
from pathlib import Path

from tuneproof.errors import MethodError

FOLDER_VARIABLE = "APERTIUM_DATADIR"
"""Apertium's own variable for the folder of its linguistic data."""
DEFAULT_FOLDER = "/usr/share/apertium"
SPACES = re.compile(r"[\s\0]+")
CONTROL = re.compile(r"[\[\]{}^$/\\@<>]")
"""Characters that mean something in Apertium's stream; a backslash goes before them."""
ESCAPED = re.compile(r"\\(.)")
END = ".[]"
"""Behind each block: a sentence end that belongs to the format, not to the text."""


def pairs() -> list[str]:
    """Directions whose data is installed, such as eng-spa, sorted."""
    return sorted(path.stem for path in (_folder() / "modes").glob("*.mode"))


def unavailable(directions: Iterable[str]) -> str | None:
    """Why some of the directions cannot be translated here, and what to install; None where all can."""
    wanted = [direction for direction in directions if direction not in pairs()]
    if not wanted and all(shutil.which(program) for program in ("lt-proc", "apertium-tagger", "apertium-transfer")):
        return None
    missing = f"has no {wanted[0]} here" if wanted and shutil.which("apertium") else "not found"
    found = ", ".join(pairs()) or "no pair"
    return f"Apertium {missing} (found: {found}); allowed: apt-get install apertium apertium-eng-spa, or another pair"


def translate(texts: Sequence[str], direction: str) -> list[str]:
    """A translation of each text, white space collapsed; texts without a letter stay as they are.

    Unknown words stay. Equal lists give equal outcomes. A text's outcome still depends a little on the texts before it,
    for the tagger keeps some memory from block to block: of 3,000 film reviews 1 to 6 came out otherwise in another
    order, and 13 of 200 where each was translated alone. Raises `MethodError`
    where the direction is missing, a program fails, or a text is lost.
    """
    if reason := unavailable([direction]):
        raise MethodError(reason)
    plain = [SPACES.sub(" ", text).strip() for text in texts]
    asked = list(dict.fromkeys(text for text in plain if any(letter.isalpha() for letter in text)))
    if not asked:
        return plain
    blocks = _run(_command(direction), asked)
    known = dict(zip(asked, blocks, strict=True))
    return [known.get(text, text) for text in plain]


def _folder() -> Path:
    return Path(os.environ.get(FOLDER_VARIABLE) or DEFAULT_FOLDER)


def _command(direction: str) -> str:
    """The chain of a mode file, as `apertium -u` runs it, each program flushing at null characters."""
    chain = (_folder() / "modes" / f"{direction}.mode").read_text(encoding="utf-8").strip()
    programs = chain.replace("$1", "-n").replace("$2", "").split("|")  # -n: unknown words without a mark
    return " | ".join(f"{name} -z {rest}" for name, _, rest in (program.strip().partition(" ") for program in programs))


def _run(command: str, texts: list[str]) -> list[str]:
    written = "".join(CONTROL.sub(r"\\\g<0>", text) + END + "\0" for text in texts)
    done = subprocess.run(
        ["bash", "-o", "pipefail", "-c", command],
        input=written.encode(),
        capture_output=True,
        env={**os.environ, "LC_ALL": "C.UTF-8"},
        check=False,
    )
    if done.returncode:
        lines = done.stderr.decode(errors="replace").strip().splitlines() or ["no message"]
        raise MethodError(f"Apertium failed with exit code {done.returncode}: {lines[-1]}")
    blocks = done.stdout.decode(errors="replace").split("\0")
    if len(blocks) <= len(texts) or any(block.strip() for block in blocks[len(texts) :]):
        raise MethodError(f"Apertium gave {len(blocks) - 1} translations of {len(texts)} texts; expected one each")
    return [_text(block) for block in blocks[: len(texts)]]


def _text(block: str) -> str:
    """A block as text: without the format's sentence end and backslashes."""
    bare = block.removesuffix("[]").removesuffix(".")
    return SPACES.sub(" ", ESCAPED.sub(r"\1", bare)).strip()
