"""Virtual tokens inside the text: where they stand, what the head sees of them, and what they start from."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from transformers import BertConfig, BertForTokenClassification, RobertaConfig, RobertaForTokenClassification

from tuneproof import tasks
from tuneproof.errors import MethodError
from tuneproof.tunings import room
from tuneproof.tunings.p_tuning import PTuning
from tuneproof.tunings.prompt import PromptTuning, VirtualTokens

BOTH = [PromptTuning(), PTuning(), PTuning(encoder="lstm")]
SIZES: dict[str, Any] = {
    "vocab_size": 50, "hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 4, "intermediate_size": 64,
}  # fmt: skip


def features(inputs: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    return {key: value for key, value in inputs.items() if key != "labels"}


def tuned(tuning: VirtualTokens, fresh: Callable, task: str) -> Any:
    return tuning.attach(fresh(task), tasks.get(task), total_steps=1).eval()


@pytest.mark.parametrize("task", ["classification", "ner"])
@pytest.mark.parametrize("tuning", BOTH, ids=str)
def test_logits_are_the_text_s_and_all_virtual_tokens_matter(
    tuning: VirtualTokens, task: str, fresh: Callable, batch: Callable, loss_of: Callable
) -> None:
    plain, inputs = fresh(task).eval(), batch(task)
    model = tuned(tuning, fresh, task)
    with torch.no_grad():
        without = plain(**features(inputs)).logits
    logits = model(**features(inputs)).logits
    assert logits.shape == without.shape
    assert (logits - without).abs().max() > 0.01
    loss_of(model, inputs).backward()
    rows = model.bert.prompt.embeddings.grad
    assert rows.shape == (20, 384)
    assert (rows.abs().sum(dim=1) > 0).all()


@pytest.mark.parametrize("task", ["classification", "ner"])
def test_they_stand_behind_cls_as_tokens_of_the_text_would(task: str, fresh: Callable, batch: Callable) -> None:
    """With embeddings of real words, the model answers as for the text with these words written into it."""
    words = torch.tensor([2307, 3185, 1012])
    model = tuned(PromptTuning(tokens=3), fresh, task)
    with torch.no_grad():
        model.bert.prompt.embeddings.copy_(model.get_input_embeddings().weight[words])
    inputs = features(batch(task))

    def written(name: str, values: torch.Tensor) -> torch.Tensor:
        rows = inputs[name]
        return torch.cat([rows[:, :1], values.expand(len(rows), 3), rows[:, 1:]], dim=1)

    ids = written("input_ids", words)
    mask, types = written("attention_mask", torch.ones(3, dtype=torch.long)), written("token_type_ids", words * 0)
    with torch.no_grad():
        whole = fresh(task).eval()(input_ids=ids, attention_mask=mask, token_type_ids=types).logits
        found = model(**inputs).logits
    if task == "ner":
        whole = torch.cat([whole[:, :1], whole[:, 4:]], dim=1)
    torch.testing.assert_close(found, whole, atol=1e-5, rtol=1e-5)


def test_ids_embeddings_and_positional_arguments_are_one(fresh: Callable, batch: Callable) -> None:
    """Adversarial training gives embeddings in place of ids."""
    model, inputs = tuned(PromptTuning(), fresh, "ner"), features(batch("ner"))
    others = {name: tensor for name, tensor in inputs.items() if name != "input_ids"}
    embeddings = model.get_input_embeddings()(inputs["input_ids"])
    with torch.no_grad():
        by_ids = model(**inputs).logits
        assert torch.equal(model(inputs_embeds=embeddings, **others).logits, by_ids)
        assert torch.equal(
            model(inputs["input_ids"], inputs["attention_mask"], inputs["token_type_ids"]).logits, by_ids
        )
    embeddings = embeddings.detach().requires_grad_()
    model(inputs_embeds=embeddings, **others).logits.sum().backward()
    assert embeddings.grad is not None
    assert embeddings.grad.abs().sum() > 0


def test_hidden_states_are_the_text_s(fresh: Callable, batch: Callable) -> None:
    inputs = features(batch("ner"))
    with torch.no_grad():
        outputs = tuned(PromptTuning(), fresh, "ner")(**inputs, output_hidden_states=True)
    assert len(outputs.hidden_states) == 7
    assert {states.shape for states in outputs.hidden_states} == {(*inputs["input_ids"].shape, 384)}


@pytest.mark.parametrize("precision", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("tuning", BOTH, ids=str)
def test_padding_does_not_count(
    tuning: VirtualTokens, precision: torch.dtype, fresh: Callable, batch: Callable
) -> None:
    inputs = features(batch("ner"))
    length = int(inputs["attention_mask"][0].sum())
    assert length < inputs["input_ids"].shape[1]
    model = tuned(tuning, fresh, "ner")
    with torch.no_grad(), torch.autocast("cpu", torch.bfloat16, enabled=precision == torch.bfloat16):
        alone = model(**{key: value[:1, :length] for key, value in inputs.items()}).logits[0]
        padded = model(**inputs).logits[0, :length]
    tolerance = 1e-5 if precision == torch.float32 else 0.05
    torch.testing.assert_close(alone.float(), padded.float(), atol=tolerance, rtol=tolerance)


@pytest.mark.parametrize("tuning", BOTH, ids=str)
@pytest.mark.parametrize(
    ("model", "longest"),
    [
        (lambda: BertForTokenClassification(BertConfig(**SIZES, max_position_embeddings=50)), 30),
        (lambda: RobertaForTokenClassification(RobertaConfig(**SIZES, max_position_embeddings=50)), 28),
    ],
)
def test_text_must_fit_beside_them(model: Callable[[], Any], longest: int, tuning: VirtualTokens) -> None:
    base = model()
    assert room.longest(base, 20) == longest
    found = tuning.attach(base, tasks.get("ner"), total_steps=1)
    found(input_ids=torch.full((2, longest), 7), attention_mask=torch.ones(2, longest, dtype=torch.long))
    with pytest.raises(MethodError, match=f"{longest + 20} positions; allowed: max_length up to {longest}") as error:
        found(input_ids=torch.full((2, longest + 1), 7))
    assert "\n" not in str(error.value)
    with pytest.raises(MethodError, match=f"allowed: max_length up to {longest}"):
        found(inputs_embeds=torch.zeros(2, longest + 1, 32))


def test_too_many_are_skipped() -> None:
    base = BertForTokenClassification(BertConfig(**SIZES, max_position_embeddings=50))
    assert PromptTuning(tokens=34).skip(tasks.get("ner"), base) is None
    reason = "35 virtual tokens leave 15 positions for text; needed: 16"
    assert PromptTuning(tokens=35).skip(tasks.get("ner"), base) == reason
    with pytest.raises(MethodError, match="35 virtual tokens"):
        PTuning(tokens=35).attach(base, tasks.get("ner"), total_steps=1)


def test_they_start_from_common_words_of_the_texts(fresh: Callable, material: Callable) -> None:
    rows = material("classification")
    seen = {int(token) for ids in rows.train.columns["input_ids"] for token in ids} - {0, 101, 102}
    found = []
    for seed in (0, 0, 1):
        model = tuned(PromptTuning(), fresh, "classification")
        torch.manual_seed(seed)
        PromptTuning().begin(model, tasks.get("classification"), rows)
        table, prompt = model.get_input_embeddings().weight, model.bert.prompt.embeddings
        places = [int((table == row).all(dim=1).nonzero()[0, 0]) for row in prompt]
        assert len(set(places)) == 20
        assert set(places) <= seen
        found.append(places)
    assert found[0] == found[1] != found[2]
    assert model.bert.prompt.embeddings.requires_grad


def test_they_start_from_the_labels_names(fresh: Callable, material: Callable) -> None:
    """`label 0` is two sub-tokens of BERT's vocabulary: the first virtual token is the mean of their embeddings."""
    tuning, rows = PromptTuning(init="labels"), material("classification")
    model = tuned(tuning, fresh, "classification")
    tuning.begin(model, tasks.get("classification"), rows)
    table, prompt = model.get_input_embeddings().weight, model.bert.prompt.embeddings
    assert rows.labels == ["label 0", "label 1"]
    for number, ids in enumerate(([3830, 1014], [3830, 1015])):
        torch.testing.assert_close(prompt[number], table[ids].mean(dim=0))
    assert all((table == row).all(dim=1).any() for row in prompt[2:])


def test_random_starts_have_the_words_spread(fresh: Callable, material: Callable) -> None:
    tuning = PromptTuning(init="random")
    model = tuned(tuning, fresh, "classification")
    before = model.bert.prompt.embeddings.detach().clone()
    tuning.begin(model, tasks.get("classification"), material("classification"))
    assert torch.equal(model.bert.prompt.embeddings, before)
    assert before.std().item() == pytest.approx(model.get_input_embeddings().weight.std().item(), rel=0.05)


def test_virtual_tokens_do_not_decay_but_the_network_does(fresh: Callable) -> None:
    tuning = PTuning()
    model = tuned(tuning, fresh, "ner")
    learn = {name: parameter for name, parameter in model.named_parameters() if parameter.requires_grad}
    assert {name for name, parameter in learn.items() if tuning.decays(name, parameter)} == {
        "bert.prompt.mlp.0.weight", "bert.prompt.mlp.2.weight", "bert.prompt.mlp.4.weight", "classifier.weight",
    }  # fmt: skip


@pytest.mark.parametrize(("encoder", "hidden", "expected"), [
    ("mlp", 8, 384 * 8 + 8 + 8 * 8 + 8 + 8 * 384 + 384),
    # four gates, two directions, two layers; then 2 · 8 → 8 → 384
    ("lstm", 8, 2 * 4 * 8 * (384 + 8 + 2) + 2 * 4 * 8 * (16 + 8 + 2) + 16 * 8 + 8 + 8 * 384 + 384),
])  # fmt: skip
def test_size_of_the_network(encoder: Any, hidden: int, expected: int, fresh: Callable) -> None:
    model = tuned(PTuning(encoder=encoder, hidden=hidden), fresh, "ner")
    count = sum(parameter.numel() for parameter in model.bert.prompt.parameters())
    assert count == 20 * 384 + expected


@pytest.mark.parametrize("tuning", BOTH, ids=str)
def test_two_steps_of_descent_by_hand(tuning: VirtualTokens) -> None:
    """Gradients of the virtual tokens are those of the embeddings at positions 1 … k of the longer text."""
    torch.manual_seed(0)
    base = BertForTokenClassification(BertConfig(**SIZES, max_position_embeddings=50)).eval()
    small = tuning.model_copy(update={"tokens": 2})
    model = small.attach(base, tasks.get("ner"), total_steps=1).eval()
    ids = torch.tensor([[1, 7, 8, 2]])
    words, prompt = model.get_input_embeddings()(ids), model.bert.prompt
    for _ in range(2):
        model.zero_grad()
        virtual = prompt()
        virtual.retain_grad()
        longer = torch.cat([words[:, :1], virtual[None], words[:, 1:]], dim=1)
        states = model.bert.encoder(model.bert.embeddings(inputs_embeds=longer)).last_hidden_state
        model.classifier(states[:, [0, 3, 4, 5]]).square().sum().backward()
        by_hand = {name: parameter.grad.clone() for name, parameter in prompt.named_parameters()}
        model.zero_grad()
        model(input_ids=ids).logits.square().sum().backward()
        with torch.no_grad():
            for name, parameter in prompt.named_parameters():
                torch.testing.assert_close(parameter.grad, by_hand[name])
                parameter -= 0.1 * parameter.grad
    assert virtual.grad.abs().sum() > 0
