"""WordNet 3 (Fellbaum 1998) read from its own database files: lemmas, inflections and synonyms of English words.

The files are those of Debian's package `wordnet-base` and of NLTK's corpus `wordnet`; their format is described in
the manual page wndb(5WN). Nothing but the standard library is needed.
"""

from __future__ import annotations

import os
from functools import cached_property, lru_cache
from pathlib import Path
from typing import NamedTuple

from tuneproof.errors import MethodError

FOLDER_VARIABLE = "TUNEPROOF_WORDNET"
DEBIAN_FOLDER = Path("/usr/share/wordnet")
HOW_TO_GET = f"apt-get install wordnet-base, or unpack NLTK's corpus wordnet, or set {FOLDER_VARIABLE} to its folder"

VOWELS = frozenset("aeiou")
PARTS = ("noun", "verb", "adj", "adv")

ENDINGS = {
    "noun": (("ies", "y"), ("es", ""), ("s", "")),
    "verb": (("ies", "y"), ("ied", "y"), ("es", ""), ("s", ""), ("ed", "e"), ("ed", ""), ("ing", "e"), ("ing", "")),
}
"""Regular endings of inflected forms → ending of the lemma; the first that gives a known word counts."""


def find() -> Path | None:
    """Folder with the database files: the variable's, else Debian's, else NLTK's; None where there is none."""
    named = os.environ.get(FOLDER_VARIABLE)
    if named:
        return Path(named) if _is_wordnet(Path(named)) else None
    nltk = [Path(folder) for folder in os.environ.get("NLTK_DATA", "").split(os.pathsep) if folder]
    nltk += [Path.home() / "nltk_data", Path("/usr/share/nltk_data"), Path("/usr/local/share/nltk_data")]
    candidates = [DEBIAN_FOLDER, *(folder / "corpora" / "wordnet" for folder in nltk)]
    return next((folder for folder in candidates if _is_wordnet(folder)), None)


def unavailable() -> str | None:
    """Why there is no WordNet, and how to get it; None where it was found."""
    if find():
        return None
    named = os.environ.get(FOLDER_VARIABLE)
    where = f"{FOLDER_VARIABLE}: no WordNet in {named!r}" if named else "WordNet not found"
    return f"{where}; allowed: {HOW_TO_GET}"


def load() -> WordNet:
    """WordNet as found on this machine. Raises `MethodError` where there is none."""
    folder = find()
    if folder is None:
        raise MethodError(str(unavailable()))
    return WordNet(folder)


def _is_wordnet(folder: Path) -> bool:
    return all((folder / f"{kind}.{part}").is_file() for kind in ("index", "data") for part in PARTS)


class Entry(NamedTuple):
    """What the index says of a lemma: how many of its senses occur in the tagged corpus, and where they stand."""

    tagged: int
    offsets: tuple[int, ...]


class WordNet:
    """The database in one folder; each file is read when it is first needed."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.synonyms = lru_cache(maxsize=None)(self._synonyms)

    def _synonyms(self, word: str, senses: int = 2, parts: tuple[str, ...] = PARTS) -> tuple[str, ...]:
        """Synonyms of a lower-case word in the same inflection, from the first senses of its likeliest part of speech.

        That is one of `parts` where the word has such a reading. Senses stand in order of frequency. Empty where the
        word is unknown, or no synonym can be inflected safely.
        """
        readings = []
        for part in PARTS:
            lemma, ending = self._lemma(word, part)
            if lemma:
                entry = self._index[part][lemma]
                readings.append((entry.tagged, not ending, len(entry.offsets), part, lemma, ending))
        if not readings:
            return ()
        fitting = [reading for reading in readings if reading[3] in parts] or readings
        *_, part, lemma, ending = max(fitting, key=lambda reading: reading[:3])
        found: dict[str, None] = {}
        for offset in self._index[part][lemma].offsets[:senses]:
            for synonym in self._synset(part, offset):
                form = self._inflect(synonym, part, ending) if synonym != lemma else None
                if form and form != word:
                    found[form] = None
        return tuple(found)

    def _lemma(self, word: str, part: str) -> tuple[str | None, str]:
        """Lemma of a word and the ending that was taken off (s, ed, ing, or none); None where it has no lemma."""
        if word in self._index[part]:
            return word, ""
        for ending, lemma_ending in ENDINGS.get(part, ()):
            lemma = word.removesuffix(ending) + lemma_ending
            if word.endswith(ending) and len(lemma) > 1 and lemma in self._index[part]:
                return lemma, "s" if ending.endswith("s") else "ed" if ending.endswith("d") else "ing"
        return None, ""

    def _inflect(self, lemma: str, part: str, ending: str) -> str | None:
        """A synonym with the given ending; None where that is not simple (irregular, or a verb of several words)."""
        if not all(letter.isascii() and (letter.islower() or letter in " -") for letter in lemma):
            return None  # names, abbreviations, numbers
        if not ending:
            return lemma
        if part == "verb" and " " in lemma:
            return None
        if part == "noun" and lemma.endswith("o"):
            return None  # pianos, but heroes
        irregular = [form for form in self._irregular[part].get(lemma, ()) if part == "noun" or form.endswith(ending)]
        if irregular:  # verbs: doubled consonants, as in stopped
            return irregular[0]
        if ending == "ed" and lemma in self._irregular[part]:
            return None  # went, began: past and participle may differ
        return _regular(lemma, ending)

    def _synset(self, part: str, offset: int) -> list[str]:
        """Words of the synset that starts at a byte of the data file, underscores as spaces."""
        data = self._data[part]
        fields = data[offset : data.index(b"\n", offset)].decode("ascii").split()
        count = int(fields[3], 16)
        words = fields[4 : 4 + 2 * count : 2]  # each is followed by a number
        return [word.partition("(")[0].replace("_", " ") for word in words]  # (a), (p): position of an adjective

    @cached_property
    def _index(self) -> dict[str, dict[str, Entry]]:
        """Part of speech → lemma → entry. Lines end with the number of tagged senses and the offsets."""
        index: dict[str, dict[str, Entry]] = {}
        for part in PARTS:
            entries = index[part] = {}
            with (self.folder / f"index.{part}").open(encoding="ascii") as file:
                for line in file:
                    if not line.startswith("  "):  # the licence
                        fields = line.split()
                        senses = int(fields[2])
                        offsets = tuple(int(offset) for offset in fields[-senses:])
                        entries[fields[0].replace("_", " ")] = Entry(int(fields[-senses - 1]), offsets)
        return index

    @cached_property
    def _data(self) -> dict[str, bytes]:
        return {part: (self.folder / f"data.{part}").read_bytes() for part in PARTS}

    @cached_property
    def _irregular(self) -> dict[str, dict[str, list[str]]]:
        """Part of speech → lemma → its irregular forms, from the exception lists (a form, then its lemmas)."""
        found: dict[str, dict[str, list[str]]] = {}
        for part in PARTS:
            forms = found[part] = {}
            path = self.folder / f"{part}.exc"
            for line in path.read_text(encoding="ascii").splitlines() if path.is_file() else ():
                form, *lemmas = line.split()
                for lemma in lemmas:
                    forms.setdefault(lemma.replace("_", " "), []).append(form.replace("_", " "))
        return found


def _regular(lemma: str, ending: str) -> str:
    """Regular inflection with s, ed or ing."""
    consonant_y = lemma.endswith("y") and lemma[-2:-1] not in VOWELS
    if ending == "s":
        if consonant_y:
            return lemma[:-1] + "ies"
        return lemma + ("es" if lemma.endswith(("s", "x", "z", "ch", "sh", "o")) else "s")
    if ending == "ed":
        if consonant_y:
            return lemma[:-1] + "ied"
        return lemma + ("d" if lemma.endswith("e") else "ed")
    if lemma.endswith("ie"):
        return lemma[:-2] + "ying"
    if lemma.endswith("e") and not lemma.endswith(("ee", "oe", "ye")):
        return lemma[:-1] + "ing"
    return lemma + "ing"
