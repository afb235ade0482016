"""A stored run that answers new texts: its checkpoint on the pre-trained model, in the run's precision and threads.

Texts are tokenized as the stage `tokenize` does, and answered as `train` answered the test rows; so the test texts
give the stored answers back (on other rows beside them, up to the last bits: a batch's width changes sums).
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from tuneproof import files
from tuneproof.errors import DataError, MethodError

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    from transformers import PreTrainedModel, PreTrainedTokenizerBase

    from tuneproof.tasks.base import Task
    from tuneproof.trace.experiment import Experiment, Run

Text = str | tuple[str, str] | list[str]
"""A text, a pair of texts, or (ner) the words of a sentence."""


class Answers(NamedTuple):
    """What a run answers to n texts, in their order."""

    prediction: list[Any]
    """n classes, n numbers, or n lists of IOB2 tags (one a word)."""
    probabilities: list[np.ndarray] | None
    """In the order of the labels: n × labels, or n × words × labels; None for regression."""

    def frame(self) -> pd.DataFrame:
        """The answers as columns of predictions."""
        import pandas as pd

        columns: dict[str, list[Any]] = {"prediction": self.prediction}
        if self.probabilities is not None:
            columns["probabilities"] = [list(value) for value in self.probabilities]
        return pd.DataFrame(columns)


class Predictor:
    """One run. `model` takes `input_ids`, `attention_mask` (and `token_type_ids`) and gives `.logits`."""

    def __init__(
        self,
        model: PreTrainedModel,
        tokenizer: PreTrainedTokenizerBase,
        task: Task,
        labels: list[str],
        *,
        max_length: int,
        precision: str,
    ) -> None:
        self.model, self.tokenizer, self.task, self.labels = model, tokenizer, task, labels
        self.max_length, self.precision = max_length, precision

    @classmethod
    def load(cls, run: Path, model: Path, *, max_length: int) -> Predictor:
        """From a run's folder (`checkpoint/`, `run.json`) and the folder of its pre-trained model.

        `max_length`: sub-tokens after which a text is cut. Sets this process's threads to the run's own. Raises
        `MethodError` with the reason where the run was left out, `DataError` where a file is missing or damaged.
        """
        import torch

        from tuneproof.tokenize import load_tokenizer
        from tuneproof.train import checkpoint, device

        about = files.read_json(run / "run.json")
        if "left_out" in about:
            raise MethodError(about["left_out"])
        try:
            threads, precision, kind = about["threads"], about["precision"], about["device"]
        except KeyError as error:
            raise DataError(f"{run / 'run.json'}: {error} is missing; delete the run's folder and run again") from None
        device.make_repeatable(threads)
        tuned, task, labels = checkpoint.load(run / "checkpoint", model)
        torch.nn.Module.to(tuned, device.pick_device("cpu" if kind == "cpu" else "auto"))
        return cls(tuned, load_tokenizer(model), task, labels, max_length=max_length, precision=precision)

    @classmethod
    def of(cls, experiment: Experiment, run: Run) -> Predictor:
        """A run of a results folder, with the settings that lie there."""
        settings = files.read_json(experiment.settings("tokenize", run.dataset, f"{run.model}.json"))
        model = Path(files.read_json(experiment.model_manifest(run.model))["folder"])
        return cls.load(experiment.of(run), model, max_length=settings["max_length"])

    def predict(self, texts: Sequence[Text]) -> Answers:
        """Answers to texts (ner: to lists of words). No text: no answer."""
        if not texts:
            return Answers([], None if self.task.name == "regression" else [])
        from tuneproof.train.batches import Tokens
        from tuneproof.train.predict import predict

        frame = self.rows(texts)
        encoded = self.task.encode(self.tokenizer, frame, self.labels, max_length=self.max_length)
        tokens = Tokens(list(frame["id"]), encoded)
        found = predict(self.model, self.task, tokens, self.labels, precision=self.precision).frame
        return Answers(list(found["prediction"]), self._probabilities(found))

    def rows(self, texts: Sequence[Text]) -> pd.DataFrame:
        """Texts as rows like the prepared ones, with their place as `id`."""
        import pandas as pd

        columns: dict[str, list[Any]] = {"id": [str(place) for place in range(len(texts))]}
        if self.task.name == "ner":
            columns["tokens"] = [list(words) for words in texts]
        elif isinstance(texts[0], tuple):
            columns["text"] = [pair[0] for pair in texts]
            columns["text_pair"] = [pair[1] for pair in texts]
        else:
            columns["text"] = list(texts)
        return pd.DataFrame(columns)

    def _probabilities(self, found: pd.DataFrame) -> list[np.ndarray] | None:
        import numpy as np

        if "probabilities" not in found:
            return None
        return [np.stack([np.asarray(value, np.float32) for value in row]) for row in found["probabilities"]]
