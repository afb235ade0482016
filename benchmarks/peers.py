"""What one would write by hand with transformers and peft: data sets, collators and models for its Trainer."""

from __future__ import annotations

from typing import Any

from benchmarks import rows as texts


class Encoded:
    """Rows as the data sets that Trainer takes."""

    def __init__(self, rows: texts.Rows) -> None:
        columns = rows.tokens.columns
        names = [name for name in ("input_ids", "token_type_ids", "labels") if name in columns]
        self.examples: list[dict[str, Any]] = [
            {name: _plain(columns[name][i]) for name in names} for i in range(len(rows.tokens))
        ]

    def __len__(self) -> int:
        return len(self.examples)

    def __getitem__(self, place: int) -> dict[str, Any]:
        return self.examples[place]

    @property
    def column_names(self) -> list[str]:
        return list(self.examples[0])


def _plain(value: Any) -> Any:
    return value.tolist() if hasattr(value, "tolist") else value


def collator(task: str) -> Any:
    from transformers import DataCollatorForTokenClassification, DataCollatorWithPadding

    from tuneproof.tokenize import load_tokenizer

    tokenizer = load_tokenizer(texts.model_folder())
    return (DataCollatorForTokenClassification if task == "ner" else DataCollatorWithPadding)(tokenizer)


def plain_model(tuning: str, rows: texts.Rows) -> Any:
    """What one would write with transformers and peft: the model with a fresh head, frozen or wrapped."""
    import transformers

    from tuneproof import tasks

    task = tasks.get(rows.task)
    auto = getattr(transformers, task.auto_class)
    model = auto.from_pretrained(texts.model_folder(), num_labels=len(rows.labels), local_files_only=True)
    if tuning == "full":
        return model
    if tuning == "lora":
        from peft import LoraConfig, get_peft_model

        targets = ["query", "value"]
        return get_peft_model(model, LoraConfig(task_type=task.peft_type, r=8, lora_alpha=16, target_modules=targets))
    if tuning == "adapter":  # neither library has it: the product's layers, under the peer's loop
        from tuneproof import tunings

        return tunings.get("adapter")().attach(model, task, total_steps=1)
    for parameter in model.base_model.parameters():
        parameter.requires_grad = False
    return model
