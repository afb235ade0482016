"""Tag schemes: whatever the spelling, the entities are the same."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tuneproof.prepare.tags import spans, to_iob2

KINDS = st.sampled_from(["person", "creative-work", "loc"])
PARTS = st.lists(st.one_of(st.just(("O", 1)), st.tuples(KINDS, st.integers(1, 4))), max_size=12)
"""A sentence as a list of O and of entities with their lengths."""


def iob2(parts):
    return [
        tag for kind, size in parts for tag in (["O"] if kind == "O" else [f"B-{kind}", *[f"I-{kind}"] * (size - 1)])
    ]


def iob1(parts):
    tags, before = [], None
    for kind, size in parts:
        tags += ["O"] if kind == "O" else [f"{'B' if kind == before else 'I'}-{kind}", *[f"I-{kind}"] * (size - 1)]
        before = kind
    return tags


def marked_ends(parts, *, inside, end, single):
    tags = []
    for kind, size in parts:
        if kind == "O":
            tags.append("O")
        elif size == 1:
            tags.append(f"{single}-{kind}")
        else:
            tags += [f"B-{kind}", *[f"{inside}-{kind}"] * (size - 2), f"{end}-{kind}"]
    return tags


@settings(deadline=None)
@given(PARTS)
def test_all_schemes_agree(parts):
    expected = iob2(parts)
    assert to_iob2(expected) == (expected, 0)
    assert to_iob2(iob1(parts), "iob1") == (expected, 0)
    for inside, end, single in ("MES", "IES", "ILU"):
        assert to_iob2(marked_ends(parts, inside=inside, end=end, single=single), "bmes") == (expected, 0)


@settings(deadline=None)
@given(PARTS)
def test_spans_are_the_entities(parts):
    position, expected = 0, []
    for kind, size in parts:
        if kind != "O":
            expected.append((position, position + size, kind))
        position += size
    assert spans(iob2(parts)) == expected


@settings(deadline=None)
@given(st.lists(st.one_of(st.just("O"), st.tuples(st.sampled_from("BI"), KINDS).map("-".join)), max_size=15))
def test_repaired_sequences_are_strict_and_stable(tags):
    repaired, count = to_iob2(tags)
    assert to_iob2(repaired) == (repaired, 0)
    assert count == sum(before != after for before, after in zip(tags, repaired, strict=True))
    assert [tag[2:] for tag in tags] == [tag[2:] for tag in repaired]


def test_repairs():
    assert to_iob2(["O", "I-x", "I-x", "I-y"]) == (["O", "B-x", "I-x", "B-y"], 2)
    assert to_iob2(["I-x", "I-x", "B-x", "O"], "iob1") == (["B-x", "I-x", "B-x", "O"], 0)
    assert to_iob2(["S-x", "M-x", "E-x"], "bmes") == (["B-x", "B-x", "I-x"], 1)


@pytest.mark.parametrize(
    ("tag", "scheme"), [("X-a", "iob2"), ("B-", "iob2"), ("B", "iob2"), ("o", "iob2"), ("S-a", "iob1"), ("", "bmes")]
)
def test_unknown_tags(tag, scheme):
    with pytest.raises(ValueError, match="outside"):
        to_iob2(["O", tag], scheme)
