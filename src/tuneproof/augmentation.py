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

    @model_validator(mode="before")
    @classmethod
    def _nested(cls, values: Any) -> Any:
        if not isinstance(values, dict) or "technique" not in values or isinstance(values["technique"], dict):
            return values
        name = values["technique"]
        if not isinstance(name, str) or name not in augment.TECHNIQUES:
            raise Mistakes.at("technique", text=unknown(name, augment.TECHNIQUES))
        rest = {key: value for key, value in values.items() if key == "seed"}
        options = {key: value for key, value in values.items() if key not in ("technique", "seed")}
        return {"technique": registered({"name": name, **options}, augment.TECHNIQUES, augment.get), **rest}
