"""What each word adds to an answer: the axioms of integrated gradients, and leaving words out by hand."""

import math

import numpy as np
import pytest
import torch

from tuneproof.challenge import attributions, words
from tuneproof.challenge.attributions import INTEGRATED_GRADIENTS, LEAVE_ONE_OUT, chosen, run
from tuneproof.challenge.predictor import Answers

TEXT = "An unbelievably dull film , it drags on and on"
SENTENCE = ["Ann", "Jamelia", "lives", "in", "York"]


@pytest.mark.parametrize(
    ("task", "tuning"),
    [("classification", tuning) for tuning in ("full", "lora", "prefix", "prompt", "p-tuning", "trainable-tokens")]
    + [("classification", "setfit"), ("regression", "adapter"), ("ner", "full"), ("ner", "probe")],
)
def test_integrated_gradients_are_complete(predictor, task, tuning):
    one = predictor(task, tuning)
    found = run(one, SENTENCE if task == "ner" else TEXT, steps=200)
    total = sum(found.values[INTEGRATED_GRADIENTS])
    assert abs(found.remainder) < 0.01 * max(1.0, abs(total))
    assert total != 0.0
    coarse = run(one, SENTENCE if task == "ner" else TEXT, steps=2)
    assert abs(coarse.remainder) > abs(found.remainder)  # it is measured, not assumed


class Linear(torch.nn.Module):
    """A number that is linear in the word embeddings: weight 2 for the first dimension, summed over the text."""

    def __init__(self, config):
        super().__init__()
        self.config, self.device = config, torch.device("cpu")
        self.embedding = torch.nn.Embedding(config.vocab_size, 2)
        torch.nn.init.normal_(self.embedding.weight, generator=torch.Generator().manual_seed(0))

    def get_input_embeddings(self):
        return self.embedding

    def forward(self, input_ids=None, inputs_embeds=None, attention_mask=None, **_):
        from transformers.modeling_outputs import SequenceClassifierOutput

        rows = self.embedding(input_ids) if inputs_embeds is None else inputs_embeds
        return SequenceClassifierOutput(logits=2.0 * (rows[..., :1] * attention_mask[..., None]).sum(1))


def test_of_a_linear_model_they_are_weight_times_embedding_less_paddings_and_pieces_are_summed(predictor):
    one = predictor("regression")
    one.model = Linear(one.model.config)
    found = run(one, TEXT, steps=2)
    table = one.model.embedding.weight[:, 0].detach()
    expected = [
        sum(
            float(2 * (table[piece] - table[0])) for piece in one.tokenizer(word, add_special_tokens=False)["input_ids"]
        )
        for word in TEXT.split()
    ]
    assert [word.word for word in found.words] == TEXT.split()
    np.testing.assert_allclose(found.values[INTEGRATED_GRADIENTS], expected, atol=1e-5)
    assert found.remainder == pytest.approx(0.0, abs=1e-5)
    assert len(one.tokenizer("unbelievably", add_special_tokens=False)["input_ids"]) > 1


def log_odds(probability):
    return math.log(probability / (1 - probability))


def test_leaving_one_out_is_what_the_answer_loses_without_the_word(predictor):
    one = predictor("classification")
    found = run(one, TEXT, steps=2)
    whole = one.predict([TEXT]).probabilities[0]
    answer = int(whole.argmax())
    assert found.output == pytest.approx(log_odds(float(whole[answer])), abs=1e-4)
    split = TEXT.split()
    for place, value in enumerate(found.values[LEAVE_ONE_OUT]):
        without = one.predict([" ".join(split[:place] + split[place + 1 :])]).probabilities[0]
        assert value == pytest.approx(found.output - log_odds(float(without[answer])), abs=1e-4)


def test_of_a_pair_the_words_of_both_texts_are_named(predictor):
    one = predictor("classification")
    found = run(one, ("a dull film", "the film , unbelievably"), steps=2)
    assert [(word.column, word.place, word.word) for word in found.words] == [
        ("text", 0, "a"), ("text", 1, "dull"), ("text", 2, "film"),
        ("text_pair", 0, "the"), ("text_pair", 1, "film"), ("text_pair", 2, ","), ("text_pair", 3, "unbelievably"),
    ]  # fmt: skip
    without = one.predict([("a dull film", "the film unbelievably")]).probabilities[0]
    whole = one.predict([("a dull film", "the film , unbelievably")]).probabilities[0]
    answer = int(whole.argmax())
    lost = log_odds(float(whole[answer])) - log_odds(float(without[answer]))
    assert found.values[LEAVE_ONE_OUT][5] == pytest.approx(lost, abs=1e-4)


def test_ner_explains_the_words_that_are_answered_to_be_entities(predictor):
    one = predictor("ner")
    found = run(one, SENTENCE, steps=2)
    answers = one.predict([SENTENCE])
    # what the model says before tags are made a valid sequence
    likeliest = answers.probabilities[0].max(axis=-1)
    tags = answers.probabilities[0].argmax(axis=-1)
    counted = likeliest[tags != 0] if (tags != 0).any() else likeliest
    assert [word.word for word in found.words] == SENTENCE
    assert found.output == pytest.approx(np.mean([log_odds(float(one)) for one in counted]), abs=1e-3)


def test_in_ner_the_unknown_token_takes_a_words_place(predictor):
    one = predictor("ner")
    read = words.read(one, SENTENCE)
    unknown = one.tokenizer.unk_token_id
    without = read.without(1, unknown)
    pieces = [place for place, word in enumerate(read.owner) if word == 1]
    assert len(pieces) > 1
    assert without["word_starts"] == read.columns["word_starts"]
    assert [without["input_ids"][place] for place in pieces] == [unknown] * len(pieces)
    assert [a for a, word in zip(without["input_ids"], read.owner, strict=True) if word != 1] == [
        a for a, word in zip(read.columns["input_ids"], read.owner, strict=True) if word != 1
    ]


def test_what_was_cut_off_is_not_explained(predictor):
    found = run(predictor("classification", max_length=6), TEXT, steps=2)
    assert [word.word for word in found.words] == ["An", "unbelie"]  # of the last word what is read of it
    assert len(found.values[INTEGRATED_GRADIENTS]) == len(found.words)


def test_without_gradients_words_are_left_out_alone(predictor):
    found = run(predictor("classification"), TEXT, steps=2, gradients=False)
    assert list(found.values) == [LEAVE_ONE_OUT]
    assert found.remainder is None


def test_equal_input_gives_equal_values(predictor):
    one = predictor("classification", "lora")
    assert run(one, TEXT, steps=4) == run(one, TEXT, steps=4)


@pytest.mark.parametrize("text", ["", "   ", "\x00", "\u202e\ufeff", "😀", "<b>&", "word " * 500, "a" * 5000, ("", "")])
def test_hostile_texts_have_finite_values_or_no_word(predictor, text):
    found = run(predictor("classification"), text, steps=2)
    for values in found.values.values():
        assert len(values) == len(found.words)
        assert np.isfinite(values).all()
    assert math.isfinite(found.output) == bool(found.words)


@pytest.mark.parametrize("sentence", [["\u200b", "Ann"], [""], ["a"] * 100, []])
def test_hostile_sentences_too(predictor, sentence):
    found = run(predictor("ner"), sentence, steps=2)
    assert all(np.isfinite(values).all() for values in found.values.values())


def test_the_first_rows_are_chosen_and_the_least_certain_of_the_others():
    certain = [0.6, 0.9, 0.8, 0.55, 0.99, 0.7]
    answers = Answers(["a"] * 6, [np.array([one, 1 - one]) for one in certain])
    assert chosen(answers, 4) == [0, 1, 3, 5]
    assert chosen(answers, 3) == [0, 1, 3]
    assert chosen(answers, 100) == list(range(6))
    assert chosen(Answers([0.1, 0.2, 0.3], None), 2) == [0, 1]
    assert chosen(Answers([], []), 2) == []


def test_in_ner_the_least_certain_tag_counts():
    sure, unsure = np.array([[0.9, 0.1], [0.95, 0.05]]), np.array([[0.99, 0.01], [0.5, 0.5]])
    assert chosen(Answers([[], [], [], []], [sure, sure, sure, unsure]), 2) == [0, 3]


def test_gradients_of_the_models_own_parameters_are_left_alone(predictor):
    one = predictor("classification")
    attributions.run(one, TEXT, steps=2)
    assert all(parameter.grad is None for parameter in one.model.parameters())
