"""Full fine-tuning: every parameter learns. A saved folder is an ordinary transformers model."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from tuneproof.errors import TuneproofError
from tuneproof.tunings.base import LearningRates, Tuning

if TYPE_CHECKING:
    from transformers import PreTrainedModel

    from tuneproof.tasks.base import Task


class Full(Tuning):
    """All parameters, as in BERT's own paper."""

    idea = "All parameters learn."
    paper = "Devlin et al. 2019, arXiv 1810.04805"
    # BERT's 2e-5 to 5e-5 are for larger models and more steps.
    # MiniLM, 300 texts, 3 epochs (accuracy / entity F1): 1e-4 .77/.36, 3e-4 .76/.46, 1e-3 .64/.43.
    learning_rates = LearningRates(1e-5, 1e-3, first=1e-5)

    def attach(self, model: PreTrainedModel, task: Task, *, total_steps: int) -> PreTrainedModel:
        for parameter in model.parameters():
            parameter.requires_grad = True
        return model

    def save(self, model: PreTrainedModel, folder: Path) -> None:
        """Write `config.json` and `model.safetensors` for `AutoModelFor….from_pretrained(folder)`."""
        model.save_pretrained(folder)

    def load(self, model: PreTrainedModel, task: Task, folder: Path) -> PreTrainedModel:
        """A new model of the same class with the saved weights, on the device of `model`.

        Raises `TuneproofError` where the folder holds no such model, or one with other weights.
        """
        from safetensors import SafetensorError

        if not (folder / "config.json").is_file():  # transformers would ask the hub for it
            raise TuneproofError(f"{folder / 'config.json'}: file not found")
        try:
            loaded: Any = type(model).from_pretrained(
                folder,
                dtype=model.dtype,
                attn_implementation=model.config._attn_implementation,
                use_safetensors=True,
                output_loading_info=True,
            )
        except (SafetensorError, OSError, RuntimeError, ValueError) as error:
            raise TuneproofError(f"{folder}: not a readable model ({' '.join(str(error).split())})") from error
        tuned: PreTrainedModel = loaded[0]
        info: dict[str, Any] = loaded[1]
        for what in ("missing_keys", "unexpected_keys"):
            if info[what]:
                raise TuneproofError(f"{folder}: {what.replace('_', ' ')}: {', '.join(sorted(info[what]))}")
        tuned.to(model.device)  # type: ignore[arg-type]  # transformers' annotation of `to` is for its wrapper
        return tuned
