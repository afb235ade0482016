"""Changes of a text, word by word."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from tuneproof.report.augmented import Piece, changes

WORDS = st.lists(st.sampled_from(["a", "dull", "fine", "film", "<b>"]), max_size=8).map(" ".join)


def test_what_stood_there_comes_before_what_stands_there():
    assert changes("An ugly film .", "An surly film !") == [
        *(Piece("same", "An"), Piece("del", "ugly"), Piece("ins", "surly")),
        *(Piece("same", "film"), Piece("del", "."), Piece("ins", "!")),
    ]
    assert changes("same", "same") == [Piece("same", "same")]


@settings(max_examples=60, deadline=None)
@given(WORDS, WORDS)
def test_both_texts_can_be_read_off(before, after):
    pieces = changes(before, after)
    assert " ".join(piece.text for piece in pieces if piece.kind != "ins") == before
    assert " ".join(piece.text for piece in pieces if piece.kind != "del") == after
