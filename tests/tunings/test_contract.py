"""What every tuning promises, on the real model, for each task."""

from __future__ import annotations

import math
import re
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from tuneproof import tasks, tunings
from tuneproof.adversarial import ADVERSARIAL
from tuneproof.errors import TuneproofError
from tuneproof.tunings import TUNINGS

HIDDEN, INNER, LAYERS, STEPS = 384, 1536, 6, 3
OUTPUTS = {"classification": 2, "regression": 1, "ner": 3}
HEAD = {task: outputs * (HIDDEN + 1) for task, outputs in OUTPUTS.items()}
POOLER = HIDDEN * (HIDDEN + 1)
# attention's four projections, two dense layers, two layer norms
LAYER = 4 * HIDDEN * (HIDDEN + 1) + 2 * HIDDEN * INNER + INNER + HIDDEN + 4 * HIDDEN
VOCABULARY, POSITIONS = 30522, 512


def body(task: str) -> int:
    """All parameters of the body; BERT for token classification has no pooler."""
    embeddings = (VOCABULARY + POSITIONS + 2) * HIDDEN + 2 * HIDDEN
    return embeddings + LAYERS * LAYER + (0 if task == "ner" else POOLER)


def expected(name: str, task: str) -> int:
    """How many parameters of the body, or beside it, learn."""
    return {
        "full": body(task),
        "probe": 0,
        # query, key, value, output, two layer norms, inner and outer dense; the embeddings' norm; the pooler
        "bitfit": LAYERS * (7 * HIDDEN + INNER) + HIDDEN + (0 if task == "ner" else HIDDEN),
        "lora": LAYERS * 2 * (8 * HIDDEN + HIDDEN * 8),
        "adalora": LAYERS * 2 * (12 * HIDDEN + 12 + HIDDEN * 12),
        "adapter": LAYERS * 2 * (2 * HIDDEN * 48 + 48 + HIDDEN) + LAYERS * 2 * 2 * HIDDEN,
        "prefix": 20 * LAYERS * 2 * HIDDEN,
        "ia3": LAYERS * (HIDDEN + HIDDEN + INNER),
        "partial": 2 * LAYER + (0 if task == "ner" else POOLER),
        "gradual": body(task),
        "layerwise": body(task),
        "prompt": 20 * HIDDEN,
        "p-tuning": 20 * HIDDEN + 3 * HIDDEN * (HIDDEN + 1),
        "peft": LAYERS * 2 * (8 * HIDDEN + HIDDEN * 8),  # LoRA by default
        # peft's others: so much for the query and the value projection of each layer
        "boft": LAYERS * 2 * (HIDDEN // 8 * 8 * 8 + HIDDEN),
        "c3a": LAYERS * 2 * (HIDDEN // 128) ** 2 * 128,
        "delora": LAYERS * 2 * (8 * HIDDEN + HIDDEN * 8 + 1),
        "fourierft": LAYERS * 2 * 1000,
        "gralora": LAYERS * 2 * (8 * HIDDEN + HIDDEN * 8),
        "hira": LAYERS * 2 * (8 * HIDDEN + HIDDEN * 8),
        "hra": LAYERS * 2 * 8 * HIDDEN,
        "ln-tuning": LAYERS * 2 * 2 * HIDDEN,
        "loha": LAYERS * 2 * 2 * (8 * HIDDEN + HIDDEN * 8),
        "lokr": LAYERS * 2 * (16 * 16 + 24 * 8 + 8 * 24),  # 384 = 16 · 24
        "miss": LAYERS * 2 * 16 * HIDDEN,
        "oft": LAYERS * 2 * (HIDDEN // 32) * (32 * 31 // 2),
        "psoft": LAYERS * 2 * (32 * 31 // 2 + 2 * 32),
        "randlora": LAYERS * 2 * (HIDDEN // 32) * (32 + HIDDEN),
        "road": LAYERS * 2 * 2 * (HIDDEN // 2),
        "shira": LAYERS * 2 * 8 * (HIDDEN + HIDDEN),
        "tinylora": LAYERS * 2 * 64,
        "trainable-tokens": 100 * HIDDEN,
        # vectors of 192, and which of them each half of the rows of A and B is made of
        "vblora": 90 * 192 + LAYERS * 2 * 2 * (4 * 2 * 90),
        "vera": LAYERS * 2 * (256 + HIDDEN),
        "waveft": LAYERS * 2 * 2592,
        # heads in closed form: what they hold counts, beside (or in place of) what learns by steps
        "logistic": 0,
        "nearest-mean": 1 if task == "regression" else OUTPUTS[task] * HIDDEN + OUTPUTS[task] + 1 - HEAD[task],
        "knn": 8 * HIDDEN + 8 + 1 - HEAD[task],
        "nn-tagger": 58 * (HIDDEN + 1) + 1 - HEAD[task],  # sub-tokens of the batch
        "zero-shot": 1 - HEAD[task],  # the temperature
        "setfit": body(task) - POOLER,
    }[name]


@dataclass
class Trained:
    name: str
    task: str
    tuning: Any
    model: Any
    before: dict[str, Any]
    losses: list[float]
    remembered: int
    """Parameters that the optimizer keeps averages of."""


def loss_on(tuning: Any, model: Any, inputs: dict[str, Any], loss_of: Callable) -> Any:
    """The tuning's own loss, or the task's."""
    outputs = model(**{key: value for key, value in inputs.items() if key != "labels"})
    own = tuning.objective(SimpleNamespace(labels=inputs["labels"]), outputs)
    return loss_of(model, inputs) if own is None else own


HERE = sorted(name for name in TUNINGS if not name.startswith("cloze"))  # MiniLM lacks the head that those need
CASES = [(name, task) for name in HERE for task in HEAD if task in tunings.get(name).tasks]


@pytest.fixture(scope="module", params=CASES, ids="-".join)
def trained(
    request: pytest.FixtureRequest, fresh: Callable, batch: Callable, loss_of: Callable, material: Callable
) -> Trained:
    """A few steps on one batch at a rate in the middle of the tuning's own range, as the loop does; dropout is off."""
    import torch

    from tuneproof.train.optimizer import make
    from tuneproof.tunings.weights import learned

    torch.set_num_threads(1)
    name, task = request.param
    tuning = tunings.get(name)()
    model = tuning.attach(fresh(task), tasks.get(task), total_steps=STEPS).eval()
    tuning.begin(model, tasks.get(task), material(task))
    before = {key: parameter.detach().clone() for key, parameter in model.named_parameters()}
    rates, inputs, losses = tuning.learning_rates, batch(task), []
    rate = math.sqrt(rates.low * rates.high)
    optimizer = make(learned(model), set(), tuning.rates(model), "adamw", rate, 0.0)
    for group in optimizer.param_groups:
        group["lr"] = rate * group["factor"]
    for step in range(1, STEPS + 1 if tuning.by_gradient else 1):
        tuning.before_step(model, step, STEPS)
        loss = loss_on(tuning, model, inputs, loss_of)
        losses.append(loss.item())
        loss.backward()
        if (penalty := tuning.penalty(model)) is not None:
            penalty.backward()
        optimizer.step()
        tuning.after_step(model, step)
        optimizer.zero_grad(set_to_none=True)
    if not tuning.by_gradient:
        losses.append(loss_on(tuning, model, inputs, loss_of).item())
    tuning.settle(model, tasks.get(task), material(task), rate)
    losses.append(loss_on(tuning, model, inputs, loss_of).item())
    return Trained(name, task, tuning, model, before, losses, len(optimizer.state_dict()["state"]))


def predictions(model: Any, inputs: dict[str, Any]) -> Any:
    import torch

    model.eval()
    with torch.no_grad():
        return model(**{key: value for key, value in inputs.items() if key != "labels"}).logits


def test_only_promised_parameters_change(trained: Trained) -> None:
    for key, parameter in trained.model.named_parameters():
        unchanged = parameter.equal(trained.before[key])
        assert unchanged != parameter.requires_grad, key


def test_frozen_parameters_cost_no_memory(trained: Trained) -> None:
    """Neither gradients nor an optimizer's averages: both are there for what learns alone."""
    learn = [parameter for parameter in trained.model.parameters() if parameter.requires_grad]
    assert trained.remembered == len(learn)
    assert all(parameter.grad is None for parameter in trained.model.parameters() if not parameter.requires_grad)


def test_number_of_learned_parameters(trained: Trained) -> None:
    learn = [parameter for parameter in trained.model.parameters() if parameter.requires_grad]
    count = sum(tensor.numel() for tensor in (*learn, *trained.tuning.settled(trained.model).values()))
    assert count == expected(trained.name, trained.task) + HEAD[trained.task]


def test_loss_falls(trained: Trained) -> None:
    if trained.name == "zero-shot":  # it has seen no row of the batch
        assert trained.losses[-1] != trained.losses[0]
        return
    assert trained.losses[-1] < trained.losses[0]


def test_reloaded_model_predicts_the_same(trained: Trained, fresh: Callable, batch: Callable, tmp_path: Path) -> None:
    import torch

    trained.tuning.save(trained.model, tmp_path)
    inputs = batch(trained.task)
    torch.manual_seed(5)
    reloaded = trained.tuning.load(fresh(trained.task, seed=7), tasks.get(trained.task), tmp_path)
    assert torch.equal(predictions(reloaded, inputs), predictions(trained.model, inputs))
    assert not torch.equal(predictions(fresh(trained.task), inputs), predictions(trained.model, inputs))


def test_saved_files_are_portable(trained: Trained, minilm: Path, tmp_path: Path) -> None:
    """Safetensors and JSON only, no path of this machine, and the same bytes when saved again."""
    for folder in ("one", "two"):
        trained.tuning.save(trained.model, tmp_path / folder)
    files = sorted(path.name for path in (tmp_path / "one").iterdir())
    assert {Path(name).suffix for name in files} <= {".safetensors", ".json"}
    for name in files:
        content = (tmp_path / "one" / name).read_bytes()
        assert content == (tmp_path / "two" / name).read_bytes()
        assert str(minilm).encode() not in content


def test_plain_libraries_load_the_folder(trained: Trained, fresh: Callable, batch: Callable, tmp_path: Path) -> None:
    import torch
    import transformers
    from peft import PeftModel

    trained.tuning.save(trained.model, tmp_path)
    if trained.name in ("full", "gradual", "layerwise"):
        auto = getattr(transformers, tasks.get(trained.task).auto_class)
        plain = auto.from_pretrained(tmp_path, local_files_only=True)
    elif (tmp_path / "adapter_config.json").exists():
        plain = PeftModel.from_pretrained(fresh(trained.task, seed=7), tmp_path)
    else:
        ours = ("probe", "bitfit", "adapter", "partial", "prompt", "p-tuning", "setfit")
        assert trained.name in ours or not trained.tuning.by_gradient
        return
    inputs = batch(trained.task)
    torch.testing.assert_close(predictions(plain, inputs), predictions(trained.model, inputs))


def test_missing_and_broken_files_are_one_line_errors(trained: Trained, fresh: Callable, tmp_path: Path) -> None:
    task = tasks.get(trained.task)
    with pytest.raises(TuneproofError, match="not found"):
        trained.tuning.load(fresh(trained.task), task, tmp_path)
    trained.tuning.save(trained.model, tmp_path)
    weights = next(tmp_path.glob("*.safetensors"))
    weights.write_bytes(weights.read_bytes()[:100])
    with pytest.raises(TuneproofError) as error:
        trained.tuning.load(fresh(trained.task), task, tmp_path)
    assert str(tmp_path) in str(error.value)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("name", HERE)
def test_same_seed_same_weights(name: str, fresh: Callable) -> None:
    import torch

    def attached(seed: int) -> dict[str, Any]:
        torch.manual_seed(seed)
        model = fresh("classification", seed=seed)
        return dict(tunings.get(name)().attach(model, tasks.get("classification"), total_steps=10).named_parameters())

    one, two = attached(3), attached(3)
    assert one.keys() == two.keys()
    assert all(torch.equal(one[key], two[key]) for key in one)


@pytest.mark.parametrize("name", HERE)
def test_declarations(name: str, fresh: Callable) -> None:
    tuning = tunings.get(name)()
    rates = tuning.learning_rates
    assert 0 < rates.low <= rates.first <= rates.high
    assert tuning.idea.endswith(".")
    assert re.search("arXiv|openreview|IEEE", tuning.paper)
    assert tuning.frozen_body == (name == "probe" or not tuning.by_gradient)
    for task in tuning.tasks:
        assert tuning.skip(tasks.get(task), fresh(task)) is None


def test_importing_a_method_imports_no_heavy_library() -> None:
    """params.py imports these modules whenever the Snakefile is read."""
    modules = sorted({entry.partition(":")[0] for entry in [*TUNINGS.values(), *ADVERSARIAL.values()]})
    code = (
        f"import importlib, sys; [importlib.import_module(name) for name in {modules!r}]; "
        "print(*({'torch', 'peft', 'transformers', 'safetensors', 'sklearn'} & set(sys.modules)))"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == ""
