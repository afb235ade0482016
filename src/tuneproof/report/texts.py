"""Sentences of the page in each language: catalogues of templates (`templates/texts/*.yaml`), and texts that know both.

A `Text` is its English sentence wherever a string is wanted, and says itself in another language when asked. Names,
reasons and rows out of data or settings stay as they are, in every language.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

LANGUAGES = {"en": "English", "zh": "中文"}
"""Language tag → its name in itself."""
FOLDER = Path(__file__).parent / "templates" / "texts"


@cache
def catalogue(language: str) -> dict[str, str]:
    """Key → template with `{names}` of values. Raises `KeyError` for a language that is none."""
    import yaml

    if language not in LANGUAGES:
        raise KeyError(language)
    found: dict[str, str] = yaml.safe_load((FOLDER / f"{language}.yaml").read_text(encoding="utf-8"))
    return found


class Text(str):
    """A sentence by its key and values; a value may be a text itself, or a list of names."""

    key: str
    values: dict[str, Any]

    def __new__(cls, key: str, **values: Any) -> Text:
        made = super().__new__(cls, _say("en", key, values))
        made.key, made.values = key, values
        return made

    def say(self, language: str) -> str:
        return _say(language, self.key, self.values)


def counted(key: str, count: int, **values: Any) -> Text:
    """The text of `KEY_one` for one, else of `KEY`; its value `count` is the number."""
    return Text(f"{key}_one" if count == 1 else key, count=count, **values)


def said(value: Any, language: str) -> str:
    """A value inside a sentence: a text in this language, names as a list, anything else as it is."""
    if isinstance(value, Text):
        return value.say(language)
    if isinstance(value, list):
        return _listed([said(entry, language) for entry in value], language)
    return str(value)


def _say(language: str, key: str, values: dict[str, Any]) -> str:
    return catalogue(language)[key].format(**{name: said(value, language) for name, value in values.items()})


def _listed(names: list[str], language: str) -> str:
    comma, last = (catalogue(language)[key] for key in ("comma", "and"))
    return comma.join(names[:-1]) + last + names[-1] if len(names) > 1 else "".join(names)
