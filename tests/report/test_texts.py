"""What the page says: the same keys and names in every language, used and nothing else."""

from __future__ import annotations

import re
import string
from pathlib import Path

import pytest

from tuneproof.report import texts
from tuneproof.report.texts import LANGUAGES, Text, catalogue, counted, said

REPORT = Path(texts.__file__).parent
OTHERS = [language for language in LANGUAGES if language != "en"]


def fields(text: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(text) if name is not None}


@pytest.mark.parametrize("language", OTHERS)
def test_every_language_has_all_keys_with_the_same_values(language):
    english, other = catalogue("en"), catalogue(language)
    assert list(english) == list(other)
    assert {key: fields(text) for key, text in english.items()} == {key: fields(text) for key, text in other.items()}
    plain = [key for key, text in english.items() if re.search(r"\b[a-z]{5}", re.sub(r"\{\w+\}", "", text))]
    assert [key for key in plain if english[key] == other[key]] == []


def test_every_text_is_said_somewhere_and_every_key_said_is_there():
    sources = [*REPORT.glob("*.py"), *(REPORT / "templates").rglob("*.html"), *(REPORT / "templates").rglob("*.js")]
    code = "\n".join(path.read_text(encoding="utf-8") for path in sources)
    built = ("js_", "chart_", "extra_", "measure_", "machine_", "setting_", "kind_", "no_", "count_", "head_", "split_")
    unused = [key for key in catalogue("en") if f'"{key}"' not in code and not key.startswith(built)]
    assert [key for key in unused if key.removesuffix("_one") not in catalogue("en") or key == key + "_one"] == []
    named = re.findall(r"""\bt\("(\w+)"[,)]|\bText\("(\w+)"[,)]|\bsay\("(\w+)"[,)]|m\.th\("(\w+)\"""", code)
    keys = {key for found in named for key in found if key}
    assert len(keys) > 80
    assert sorted(keys - set(catalogue("en"))) == []


def test_a_text_is_its_english_and_says_itself_in_others():
    text = Text("verdict_rivals", head=Text("verdict_ahead", name="lora", at="0.8"), rivals=["a", "b", "c"])
    assert text == "lora is ahead at 0.8; it cannot be told apart from a, b and c"
    assert text.say("zh") == "lora 领先，为 0.8；它与 a、b 和 c 无法区分"
    assert said(["only"], "en") == "only"
    assert said({"plain": 1}, "zh") == "{'plain': 1}"


def test_one_is_counted_as_one():
    assert [counted("seeds", count) for count in (1, 2)] == ["1 seed", "2 seeds"]


def test_values_are_shown_and_never_read_as_templates():
    hostile = "{at.__class__} {0} {name}"
    assert Text("verdict_ahead", name=hostile, at="1") == f"{hostile} is ahead at 1"


def test_a_language_that_is_none_is_no_path():
    with pytest.raises(KeyError):
        catalogue("../../../params")
