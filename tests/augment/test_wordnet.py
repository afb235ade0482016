"""The WordNet reader: on a small database written here, and on the real one where it is installed."""

from pathlib import Path

import pytest

from tuneproof.augment import synonym, wordnet
from tuneproof.errors import MethodError

real = pytest.mark.skipif(wordnet.find() is None, reason=f"no WordNet; {wordnet.HOW_TO_GET}")


def write(folder: Path, synsets: dict[str, list[list[str]]], exceptions: dict[str, str]) -> Path:
    """A database in WordNet's own format: for each part of speech its synsets, most frequent first."""
    folder.mkdir(exist_ok=True)
    licence = "  1 A licence that readers must skip.\n"
    for part in wordnet.PARTS:
        data, index = licence, {}
        for words in synsets.get(part, []):
            offset = len(data)
            listed = " ".join(f"{word} 0" for word in words)
            data += f'{offset:08d} 05 {part[0]} {len(words):02x} {listed} 001 @ 00001740 n 0000 | a gloss; "quoted"\n'
            for word in words:
                index.setdefault(word.partition("(")[0].lower(), []).append(f"{offset:08d}")
        lines = [
            f"{word} {part[0]} {len(offsets)} 1 @ {len(offsets)} {len(offsets)} {' '.join(offsets)}  \n"
            for word, offsets in sorted(index.items())
        ]
        (folder / f"data.{part}").write_text(data)
        (folder / f"index.{part}").write_text(licence + "".join(lines))
        (folder / f"{part}.exc").write_text(exceptions.get(part, ""))
    return folder


SYNSETS = {
    "noun": [
        ["movie", "film", "motion_picture"],
        ["film", "layer"],
        ["child", "kid"],
        ["city", "town"],
        ["box", "Box2"],
        ["hero", "star"],
    ],
    "verb": [["stop", "halt", "quit"], ["like", "love", "care_for"], ["go", "travel", "move"], ["carry", "bear"]],
    "adj": [["big(p)", "large"]],
    "adv": [["quickly", "rapidly"]],
}
DOUBLED = "stopped stop\nstopping stop\nquitted quit\nquitting quit\n"
EXCEPTIONS = {
    "noun": "children child\n",
    "verb": "stopped stop\nstopping stop\nwent go\nbore bear\nquitted quit\nquitting quit\n",
}


@pytest.fixture
def small(tmp_path):
    return wordnet.WordNet(write(tmp_path / "wordnet", SYNSETS, EXCEPTIONS))


@pytest.mark.parametrize(
    ("word", "synonyms"),
    [
        ("movie", ("film", "motion picture")),
        ("movies", ("films", "motion pictures")),
        ("film", ("movie", "motion picture", "layer")),
        ("kids", ("children",)),  # an irregular plural of the synonym
        ("cities", ("towns",)),
        ("towns", ("cities",)),
        ("halted", ("stopped", "quitted")),  # doubled consonants
        ("halting", ("stopping", "quitting")),
        ("halts", ("stops", "quits")),
        ("loved", ("liked",)),  # no verb of several words with an ending
        ("love", ("like", "care for")),
        ("travels", ("goes", "moves")),
        ("traveled", ("moved",)),  # went: past and participle differ
        ("carried", ()),  # bore
        ("large", ("big",)),
        ("rapidly", ("quickly",)),
        ("stars", ()),  # heroes, but pianos
        ("boxes", ()),  # Box2 is no plain word
        ("unknown", ()),
    ],
)
def test_synonyms_keep_the_inflection(small, word, synonyms):
    assert small.synonyms(word) == synonyms


def test_fewer_senses(small):
    assert small.synonyms("film", 1) == ("movie", "motion picture")


def test_named_folder(tmp_path, monkeypatch):
    folder = write(tmp_path / "wordnet", SYNSETS, EXCEPTIONS)
    monkeypatch.setenv(wordnet.FOLDER_VARIABLE, str(folder))
    assert wordnet.find() == folder
    assert wordnet.unavailable() is None
    assert wordnet.load().synonyms("movies") == ("films", "motion pictures")


def test_nltk_folder(tmp_path, monkeypatch):
    folder = write(tmp_path / "wordnet", SYNSETS, EXCEPTIONS)
    (tmp_path / "corpora").mkdir()
    folder.rename(tmp_path / "corpora" / "wordnet")
    monkeypatch.delenv(wordnet.FOLDER_VARIABLE, raising=False)
    monkeypatch.setattr(wordnet, "DEBIAN_FOLDER", tmp_path / "nothing")
    monkeypatch.setenv("NLTK_DATA", f"/nowhere:{tmp_path}")
    assert wordnet.find() == tmp_path / "corpora" / "wordnet"


def test_missing_wordnet_says_how_to_get_it(tmp_path, monkeypatch):
    monkeypatch.setenv(wordnet.FOLDER_VARIABLE, str(tmp_path))
    assert "apt-get install wordnet-base" in str(wordnet.unavailable())
    assert "\n" not in str(wordnet.unavailable())
    with pytest.raises(MethodError, match=wordnet.FOLDER_VARIABLE):
        wordnet.load()


@real
def test_real_wordnet():
    found = wordnet.load()
    assert {"movie", "picture"} <= set(found.synonyms("film"))
    assert {"movies", "pictures"} <= set(found.synonyms("films"))
    assert "detested" in found.synonyms("hated")
    assert "rapidly" in found.synonyms("quickly")
    assert found.synonyms("xyzzy") == ()


@pytest.mark.parametrize(
    ("text", "synonyms"),
    [
        ("They film it", ("shoot",)),
        ("to film", ("shoot",)),
        ("The film", ("movie",)),
        ("nice film", ("movie",)),
        ("film", ("movie",)),
        ("so film", ("movie",)),  # no such reading
        ("they, film", ("movie",)),
    ],
)
def test_the_word_before_tells_the_part_of_speech(tmp_path, text, synonyms):
    net = wordnet.WordNet(write(tmp_path, {"noun": [["film", "movie"]], "verb": [["film", "shoot"]]}, {}))
    (found,) = [match for match in synonym.content_words(text) if match[0] == "film"]
    assert synonym.synonyms(found, net) == synonyms
