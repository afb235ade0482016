"""A declared augmentation: the part of params.yaml that `augment` reads."""

from __future__ import annotations

from typing import Any

from pydantic import ConfigDict, Field, model_validator

from tuneproof import augment
from tuneproof.cell import Part
from tuneproof.fields import registered
from tuneproof.mistakes import Mistakes, unknown


def _flat_schema(schema: dict[str, Any]) -> None:
    schema["properties"]["technique"] = {"enum": sorted(augment.TECHNIQUES)}
    schema["additionalProperties"] = True  # the technique's options


class Augmentation(Part):
    """A named augmentation, written flat: `{technique: synonym, copies: 1, seed: 0}`."""

    model_config = ConfigDict(json_schema_extra=_flat_schema)

    technique: dict[str, Any]
    seed: int = Field(0, ge=0)
    only_below: int | None = Field(
        None, ge=2, description="Only rows of classes (ner: types) with fewer training examples; null: all rows."
    )
    agreement: float | None = Field(
        None,
        gt=0,
        lt=1,
        description="Drop new rows to whose label a teacher (TF-IDF, logistic regression) gives less than this share "
        "of the probability that it has for the original row; null: keep all. For classification.",
    )

    @model_validator(mode="before")
    @classmethod
    def _nested(cls, values: Any) -> Any:
        if not isinstance(values, dict) or "technique" not in values or isinstance(values["technique"], dict):
            return values
        name = values["technique"]
        if not isinstance(name, str) or name not in augment.TECHNIQUES:
            raise Mistakes.at("technique", text=unknown(name, augment.TECHNIQUES))
        own = ("seed", "only_below", "agreement")
        rest = {key: value for key, value in values.items() if key in own}
        options = {key: value for key, value in values.items() if key not in ("technique", *own)}
        return {"technique": registered({"name": name, **options}, augment.TECHNIQUES, augment.get), **rest}

    def unfit(self, task: str) -> str | None:
        """Why it cannot be used for a task, or None where it can."""
        name = self.technique["name"]
        tasks = augment.get(name).tasks
        if task not in tasks:
            return f"augmentation {name} is for {', '.join(tasks)}, not for {task}"
        if self.only_below is not None and task == "regression":
            return "only_below counts examples of a class, which regression does not have"
        if self.agreement is not None and task != "classification":
            return f"agreement is for classification, not for {task}"
        return None
