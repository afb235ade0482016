"""What ships agrees with the models: params.yaml, experiments/*.yaml and the schema that editors use."""

from __future__ import annotations

import json
from pathlib import Path

import jsonschema
import pytest
import yaml

from tuneproof import params

ROOT = Path(__file__).parents[2]
SCHEMA = ROOT / "params.schema.json"
SHIPPED = [ROOT / "params.yaml", *sorted((ROOT / "experiments").glob("*.yaml"))]


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.name)
def test_shipped_params_load(path: Path) -> None:
    loaded = params.load(path)
    assert loaded.methods
    assert loaded.seeds


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.name)
def test_shipped_params_fit_the_schema(path: Path) -> None:
    jsonschema.validate(yaml.safe_load(path.read_text(encoding="utf-8")), params.schema())


def test_schema_file_is_up_to_date() -> None:
    wanted = json.dumps(params.schema(), indent=2, ensure_ascii=False) + "\n"
    assert SCHEMA.read_text(encoding="utf-8") == wanted, "run: tuneproof schema --out params.schema.json"


def test_editors_find_the_schema() -> None:
    first = SHIPPED[0].read_text(encoding="utf-8").partition("\n")[0]
    assert first == "# yaml-language-server: $schema=params.schema.json"


def test_schema_refuses_what_the_models_refuse() -> None:
    content = yaml.safe_load(SHIPPED[0].read_text(encoding="utf-8"))
    jsonschema.Draft202012Validator.check_schema(params.schema())
    for wrong in (
        {"seeds": []},
        {"sedes": [1]},
        {"methods": {"x": {"tuning": "lorra"}}},
        {"training": {"epochs": "3"}},
    ):
        with pytest.raises(jsonschema.ValidationError):
            jsonschema.validate({**content, **wrong}, params.schema())


def test_every_setting_of_training_may_differ_for_a_method() -> None:
    found = params.schema()["$defs"]
    assert set(found["Method"]["properties"]["training"]["properties"]) == set(params.Training.model_fields)
