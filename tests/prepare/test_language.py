"""Languages of texts: which are told, and when a warning is given."""

from tuneproof.prepare import language

ENGLISH = [f"The committee will meet again on day {n} to talk about the new school in the town." for n in range(40)]
GERMAN = [
    f"Der Ausschuss trifft sich am Tag {n} wieder, um über die neue Schule in der Stadt zu reden." for n in range(40)
]
CHINESE = [
    f"委员会将在第{n}天再次开会,讨论城里新学校的事情,届时欢迎所有家长和老师一起参加这次重要的会议。" for n in range(40)
]


def test_languages_of_plain_texts():
    assert language.languages(ENGLISH) == {"looked_at": 40, "determined": 40, "shares": {"en": 1.0}}
    assert language.languages(GERMAN)["shares"] == {"de": 1.0}
    assert language.languages(CHINESE)["shares"] == {"zh": 1.0}


def test_short_texts_are_not_looked_at():
    assert language.languages(["ok", "très bien"]) == {"looked_at": 0, "determined": 0, "shares": {}}
    assert language.warnings({"train": language.languages([])}) == []


def test_mixed_splits_and_other_languages_are_warned_of():
    found = {"train": language.languages(ENGLISH + GERMAN[:10]), "test": language.languages(GERMAN)}
    assert found["train"]["shares"] == {"en": 0.8, "de": 0.2}
    assert language.warnings(found) == [
        "train is in several languages: en 80%, de 20%",
        "test is mostly in de, train in en",
    ]
    assert language.warnings({"train": language.languages(ENGLISH), "test": language.languages(ENGLISH)}) == []
