"""A masked-language model fills in a blank, and its word is the label."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from pydantic import Field, field_validator

from tuneproof.errors import MethodError
from tuneproof.tunings.base import LearningRates, Material, Tuning

if TYPE_CHECKING:
    import torch
    from transformers import PreTrainedModel

    from tuneproof.tasks.base import Task

MASK, TEXT = "[MASK]", "{text}"


class Cloze(Tuning):
    """PET's pattern and verbalizer: the logits of the labels are the scores of their words in the place of [MASK].

    The paper trains several patterns and distils them; here it is one pattern. All parameters of the language model
    learn, or with `tune: false` a soft prompt between text and pattern alone (P-tuning; Liu et al. 2021, arXiv
    2103.10385). It needs a checkpoint with its masked-language head. With pairs, the pattern stands around both texts.
    """

    idea = "The model fills the blank in a pattern; the word that it chooses is the label."
    paper = "Schick and Schütze 2021, arXiv 2001.07676"
    # as for full tuning, of which it is a kind; no model with its masked-language head was at hand to measure
    learning_rates = LearningRates(1e-5, 1e-3, first=5e-5)
    tasks = ("classification",)
    whole_vocabulary = True

    pattern: str = Field("{text} It was [MASK].", description="Text around {text}, with [MASK] for the word.")
    verbalizer: dict[str, str] = Field(default={}, description="Label → word of one sub-token; else the label itself.")
    tune: bool = Field(True, description="false: only the soft prompt learns.")
    soft: int = Field(0, ge=0, le=100, description="Learned virtual tokens between text and pattern.")

    @field_validator("pattern")
    @classmethod
    def _one_of_each(cls, value: str) -> str:
        if value.count(MASK) != 1 or value.count(TEXT) != 1:
            raise ValueError(f"allowed: a text with {TEXT} and {MASK} in it, each once")
        return value

    def skip(self, task: Task, model: PreTrainedModel) -> str | None:
        if self.by_gradient and not self.tune and not self.soft:
            return "tune is false and soft is 0, so that nothing learns; use cloze-zero-shot"
        if not self.by_gradient and self.soft:
            return "a soft prompt has to be learned; use cloze"
        from transformers import AutoConfig

        config = AutoConfig.from_pretrained(str(model.name_or_path), local_files_only=True, trust_remote_code=False)
        named = config.architectures or []
        if not any(name.endswith(("ForMaskedLM", "ForPreTraining")) for name in named):
            return f"the checkpoint has no masked-language head (its architecture: {', '.join(named) or 'not stated'})"
        return None

    def attach(self, model: PreTrainedModel, task: Task, *, total_steps: int) -> PreTrainedModel:
        """Raises `MethodError` where the head's weights are not there, or a label's word is several sub-tokens."""
        from transformers import AutoModelForMaskedLM

        from tuneproof.train.dropout import install
        from tuneproof.tunings import cloze_model

        if (reason := self.skip(task, model)) is not None:
            raise MethodError(reason)
        loaded: Any = AutoModelForMaskedLM.from_pretrained(
            str(model.name_or_path),
            config=model.config,
            local_files_only=True,
            use_safetensors=True,
            trust_remote_code=False,
            attn_implementation="eager",
            output_loading_info=True,
        )
        language_model, missing = loaded[0].float().to(model.device), sorted(loaded[1]["missing_keys"])
        if missing:
            raise MethodError(f"the checkpoint lacks weights of the masked-language head: {', '.join(missing[:3])}")
        install(language_model)
        before, after, mask_id, words = self._sub_tokens(model)
        cloze = cloze_model.Cloze(language_model, before, after, mask_id, words, self.soft)
        language_model.requires_grad_(self.by_gradient and self.tune)
        return cast("PreTrainedModel", cloze)

    def _sub_tokens(self, model: PreTrainedModel) -> tuple[list[int], list[int], int, list[int]]:
        """Pattern before and after the text, the mask, and the word of each label."""
        from tuneproof.tokenize import load_tokenizer

        tokenizer: Any = load_tokenizer(Path(str(model.name_or_path)))
        if tokenizer.mask_token_id is None:
            raise MethodError("its tokenizer has no mask")
        before, after = (
            tokenizer(part.strip().replace(MASK, tokenizer.mask_token), add_special_tokens=False)["input_ids"]
            if part.strip()
            else []
            for part in self.pattern.split(TEXT)
        )
        names: Any = model.config.id2label
        labels = [names[place] for place in range(len(names))]
        if unknown := sorted(self.verbalizer.keys() - set(labels)):
            raise MethodError(f"verbalizer has {', '.join(unknown)}, which is no label; labels: {', '.join(labels)}")
        words: list[int] = []
        for label in labels:
            word = self.verbalizer.get(label, label)
            ids = tokenizer(word, add_special_tokens=False)["input_ids"]
            if len(ids) != 1 or ids[0] == tokenizer.unk_token_id or ids[0] in words:
                what = "not known" if len(ids) == 1 else f"{len(ids)} sub-tokens"
                what = "another label's already" if len(ids) == 1 and ids[0] in words else what
                raise MethodError(f"the word {word!r} of label {label!r} is {what}; name another one in verbalizer")
            words += ids
        return before, after, tokenizer.mask_token_id, words


class ClozeZeroShot(Cloze):
    """The same without any training: what the language model says by itself. The temperature moves probabilities."""

    idea = "The model fills the blank in a pattern as it is; nothing learns."
    by_gradient = False
    learning_rates = LearningRates(0.1, 10.0, first=1.0)
    scale = "temperature"

    def settle(self, model: PreTrainedModel, task: Task, material: Material, scale: float) -> None:
        model.temperature.fill_(scale)  # type: ignore[operator]

    def settled(self, model: PreTrainedModel) -> dict[str, torch.Tensor]:
        return {"temperature": cast("torch.Tensor", model.temperature)}

    def save(self, model: PreTrainedModel, folder: Path) -> None:
        from tuneproof.tunings import weights

        weights.write(folder / weights.FILE, self.settled(model))

    def load(self, model: PreTrainedModel, task: Task, folder: Path) -> PreTrainedModel:
        from tuneproof.tunings import weights

        tuned = self.attach(model, task, total_steps=1)
        weights.put(weights.read(folder / weights.FILE), self.settled(tuned), folder / weights.FILE)
        return tuned
