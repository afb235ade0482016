"""How much of a body's geometry a tuning keeps: the measures by hand, and on tuned models."""

import math
from itertools import permutations

import numpy as np
import pytest
from scipy.stats import pearsonr

from tuneproof.challenge import embed, forgetting
from tuneproof.challenge.forgetting import compare, unbiased_cka
from tuneproof.challenge.sentences import SENTENCES


def kept_by(predictor, folder):
    before = forgetting.embeddings(predictor, embed.pretrained(predictor, folder))
    return compare(before, forgetting.embeddings(predictor, predictor.model))


def drawn(rows, width, seed):
    return np.random.default_rng(seed).normal(size=(rows, width))


def test_the_unbiased_estimate_is_the_mean_over_all_sets_of_four():
    """Song et al. 2012, equation 4: the U-statistic with kernel k12 (l12 + l34 - 2 l13)."""
    a, b = drawn(7, 3, 0), drawn(7, 2, 1)
    a[:, 0] += b[:, 0]

    def hsic(first, second):
        return np.mean(
            [first[i, j] * (second[i, j] + second[q, r] - 2 * second[i, q]) for i, j, q, r in permutations(range(7), 4)]
        )

    k, l = a @ a.T, b @ b.T  # noqa: E741
    assert unbiased_cka(a, b) == pytest.approx(hsic(k, l) / math.sqrt(hsic(k, k) * hsic(l, l)), rel=1e-9)


def test_with_many_sentences_it_is_the_cka_of_kornblith():
    a = drawn(3000, 4, 0)
    b = a @ drawn(4, 3, 1) + drawn(3000, 3, 2)
    x, y = a - a.mean(0), b - b.mean(0)
    published = np.linalg.norm(y.T @ x) ** 2 / (np.linalg.norm(x.T @ x) * np.linalg.norm(y.T @ y))
    assert unbiased_cka(a, b) == pytest.approx(published, abs=2e-3)


def test_rotation_scale_and_shift_are_no_forgetting_to_cka():
    a = drawn(40, 12, 0)
    rotation, _ = np.linalg.qr(drawn(12, 12, 1))
    assert unbiased_cka(a, 3.0 * a @ rotation + 5.0) == pytest.approx(1.0, abs=1e-9)
    assert compare(a, 3.0 * a @ rotation).similarity == pytest.approx(1.0, abs=1e-9)


def test_embeddings_that_have_nothing_in_common_are_near_zero_in_many_dimensions():
    found = [unbiased_cka(drawn(64, 384, 2 * seed), drawn(64, 384, 2 * seed + 1)) for seed in range(20)]
    assert abs(np.mean(found)) < 0.02
    assert np.abs(found).max() < 0.1


def test_similarity_is_the_correlation_of_all_pairs_cosines():
    a, b = drawn(9, 5, 3), drawn(9, 5, 4)

    def cosines(side):
        return [
            side[i] @ side[j] / np.linalg.norm(side[i]) / np.linalg.norm(side[j]) for i in range(9) for j in range(i)
        ]

    assert compare(a, b).similarity == pytest.approx(pearsonr(cosines(a), cosines(b)).statistic, rel=1e-9)


def test_what_is_not_defined_says_why():
    a = drawn(10, 4, 0)
    same = compare(a, np.ones((10, 4)))
    assert math.isnan(same.cka)
    assert same.note == "not defined: all sentences have the same embedding"
    broken = compare(a, np.full((10, 4), np.nan))
    assert math.isnan(broken.similarity)
    assert broken.note == "not defined: embeddings are not finite"


def test_the_sentences_are_many_and_different():
    assert len(set(SENTENCES)) == len(SENTENCES) == 64
    assert all(sentence.endswith(".") and len(sentence.split()) >= 6 for sentence in SENTENCES)


@pytest.mark.parametrize(
    ("task", "tuning"), [("classification", "probe"), ("classification", "logistic"), ("ner", "probe")]
)
def test_a_frozen_body_forgets_nothing(predictor, tiny_folder, task, tuning):
    kept = kept_by(predictor(task, tuning), tiny_folder)
    assert (round(kept.cka, 6), round(kept.similarity, 6), kept.note) == (1.0, 1.0, "")


@pytest.mark.parametrize(
    ("task", "tuning"),
    [("classification", tuning) for tuning in ("full", "lora", "prefix", "prompt", "adapter", "setfit")]
    + [("ner", "full"), ("regression", "bitfit")],
)
def test_a_body_that_learned_is_below_one(predictor, tiny_folder, task, tuning):
    kept = kept_by(predictor(task, tuning), tiny_folder)
    assert -0.2 < kept.cka < 1 - 1e-6
    assert -1 <= kept.similarity < 1 - 1e-6
    assert kept == kept_by(predictor(task, tuning), tiny_folder)


def test_an_embedding_is_the_mean_over_the_texts_own_sub_tokens(predictor):
    import torch
    from transformers import BertModel

    one = predictor("classification")
    texts = ["a film", "a long and winding tale of nothing at all"]
    found = embed.of_texts(one, one.model, texts)  # one batch, padded
    plain = BertModel(one.model.config)
    plain.load_state_dict(one.model.bert.state_dict())
    with torch.no_grad():
        means = [
            plain.eval()(**one.tokenizer(text, return_tensors="pt")).last_hidden_state[0].mean(0) for text in texts
        ]
    np.testing.assert_allclose(found, torch.stack(means).numpy(), atol=1e-5)
    assert one.predict(texts).probabilities[0].shape == (2,)  # and the model answers as before
