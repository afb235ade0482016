"""Types of fields and checks that several parts of params.yaml share."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, Field, WithJsonSchema

from tuneproof import mistakes
from tuneproof.cell import Training
from tuneproof.mistakes import Mistakes, unknown

Name = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]*$", max_length=64)]
Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
Pinned = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*==[A-Za-z0-9.+!-]+$")]
HubName = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*(/[A-Za-z0-9][A-Za-z0-9._-]*)?$")]
Commit = Annotated[str, Field(pattern=r"^[0-9a-f]{40}$")]
URL = r"^((https|s3|gs|abfs)://|http://(localhost|127\.0\.0\.1)(:[0-9]+)?/)(:?[^\s?#@{}:])+$"
Url = Annotated[str, Field(pattern=URL, max_length=2000)]
"""No user name, password or query: params are published, credentials are not. No chains of file systems (`::`)."""
Splits = dict[Literal["train", "validation", "test"], str]


def registered(value: Any, registry: Mapping[str, str], get: Callable[[str], type[BaseModel]]) -> dict[str, Any]:
    """`name` or `{name, **options}`, checked against the entry's own model; returned with defaults filled in."""
    given = {"name": value} if isinstance(value, str) else value
    if not isinstance(given, Mapping) or "name" not in given:
        raise ValueError(f"allowed: one of {', '.join(registry)}, or a mapping with name and options")
    name = given["name"]
    if not isinstance(name, str) or name not in registry:
        raise Mistakes.at(*(() if isinstance(value, str) else ("name",)), text=unknown(name, registry))
    options = {key: option for key, option in given.items() if key != "name"}
    return {"name": name, **mistakes.check(get(name), options).model_dump(mode="json")}


def choice(registry: Mapping[str, str]) -> WithJsonSchema:
    names = {"enum": sorted(registry)}
    return WithJsonSchema({"anyOf": [names, {"type": "object", "properties": {"name": names}, "required": ["name"]}]})


def _overrides(values: Any) -> Any:
    """Settings that differ for one data set or method; what is not named stays as `training` has it."""
    mistakes.check(Training, values)
    return values


Overrides = Annotated[dict[str, Any], BeforeValidator(_overrides)]
