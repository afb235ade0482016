"""Which code a stage depends on, and that both doors agree on it."""

import importlib.util
import json
import re
from pathlib import Path

import pytest

from tuneproof import adversarial, augment, code, ensemble, files, regularisers, tasks, tunings
from tuneproof.cell import Cell, Search, Training
from tuneproof.prepare import sources

ROOT = Path(__file__).parents[2]


@pytest.fixture(autouse=True)
def at_root(monkeypatch):
    monkeypatch.chdir(ROOT)


def script():
    spec = importlib.util.spec_from_file_location("dvc_stages", ROOT / "scripts/dvc_stages.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_dvc_yaml_is_what_the_script_writes():
    """Mend with `python scripts/dvc_stages.py`."""
    assert (ROOT / "dvc.yaml").read_text() == script().text()


def cell(task, tuning, opponent=None, parts=()):
    return Cell(
        dataset="d",
        model="m",
        method="x",
        task=task,
        tuning={"name": tuning},
        augmentation="none",
        adversarial=opponent and {"name": opponent},
        regularisers=[{"name": part} for part in parts],
        training=Training(),
        learning_rates=(1e-5, 1e-3, 1e-4),
        search=Search(),
    )


def test_both_doors_depend_on_the_same_code():
    """All code inputs that the rules can ask for, over every registry entry, are the DVC stage's deps."""
    found = script().stages()["stages"]
    for stage, content in found.items():
        listed = {dep for dep in content["deps"] if dep.endswith((".py", ".html", ".css", ".js", ".yaml"))}
        if stage in ("search", "train"):
            asked = {
                path
                for task in tasks.TASKS
                for tuning in tunings.TUNINGS
                for opponent in (None, *adversarial.ADVERSARIAL)
                for path in code.of_cell(cell(task, tuning, opponent, regularisers.ALL))
            }
        elif stage == "challenge":
            asked = {
                path
                for task in tasks.TASKS
                for tuning in tunings.TUNINGS
                for path in code.of_challenge(cell(task, tuning))
            }
        else:
            parts = {
                "prepare": sources.READERS,
                "augment": augment.TECHNIQUES,
                "tokenize": tasks.TASKS,
                "ensemble": code.COMBINING,
                "teach": code.TEACHING,
                "evaluate": tasks.TASKS,
            }.get(stage, [None])
            asked = {path for part in parts for path in code.of_stage(stage, *([part] if part else []))}
        assert listed == asked, stage


def test_every_rule_names_its_code():
    for stage in code.STAGES:
        text = (ROOT / f"workflow/rules/{stage}.smk").read_text()
        rules = re.findall(r"^rule (\w+):(.*?)(?=^rule |\Z)", text, flags=re.DOTALL | re.MULTILINE)
        for name, body in rules:
            named = r"code=(lambda wildcards: stage|stage|task|cell|teach|challenge|ensemble)_code"
            assert name.endswith("_all") or re.search(named, body), name


def test_a_cell_depends_on_its_own_tuning_only():
    lora = code.of_cell(cell("ner", "lora"))
    assert "src/tuneproof/tunings/lora.py" in lora
    assert "src/tuneproof/tunings/peft_support.py" in lora
    assert "src/tuneproof/train/loop.py" in lora
    assert "src/tuneproof/search.py" in lora
    assert not {"src/tuneproof/tunings/prefix.py", "src/tuneproof/adversarial/fgm.py", "src/tuneproof/params.py"} & {
        *lora
    }
    assert "src/tuneproof/adversarial/fgm.py" in code.of_cell(cell("ner", "lora", "fgm"))


def test_an_ensemble_depends_on_its_own_combination_only():
    mean = code.of_stage("ensemble", "ner", "mean")
    assert "src/tuneproof/ensemble/mean.py" in mean
    assert "src/tuneproof/ensemble/run.py" in mean
    assert not {path for path in mean if path.startswith(("src/tuneproof/train/", "src/tuneproof/tunings/"))}
    assert not {"src/tuneproof/ensemble/stacking.py", "src/tuneproof/ensemble/soup.py"} & {*mean}
    soup = code.of_stage("ensemble", "ner", "soup", "lora")
    assert {"src/tuneproof/tunings/lora.py", "src/tuneproof/train/predict.py"} < {*soup}


def test_no_two_parts_of_an_ensemble_have_one_name():
    assert len(code.COMBINING) == len(tasks.TASKS) + len(ensemble.COMBINATIONS) + len(tunings.TUNINGS)


def test_imports_for_types_alone_do_not_count():
    assert "src/tuneproof/settings.py" not in code.of_stage("tokenize", "ner")
    assert "src/tuneproof/tasks/ner.py" in code.of_stage("tokenize", "ner")


def test_a_listing_changes_with_the_code_and_only_then(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a.py").write_text("1")
    (tmp_path / "b.py").write_text("2")
    path = tmp_path / code.listing(["a.py", "b.py"])
    first = path.read_bytes()
    assert json.loads(first) == {name: files.sha256(tmp_path / name) for name in ("a.py", "b.py")}
    assert code.listing(["a.py"]) != code.listing(["a.py", "b.py"])

    code._listing.cache_clear()
    code._sha256.cache_clear()
    (tmp_path / "a.py").write_text("3")
    assert tmp_path / code.listing(["a.py", "b.py"], write=False) == path
    assert path.read_bytes() == first  # another run is at work with it

    code._listing.cache_clear()
    assert tmp_path / code.listing(["a.py", "b.py"]) == path
    assert json.loads(path.read_bytes())["a.py"] == files.sha256(tmp_path / "a.py")


def test_rows_do_not_depend_on_how_models_are_trained_or_judged():
    """An edited option of a method or of the evaluation fetches and prepares nothing again."""
    for stage, *parts in (("fetch",), ("prepare", "csv"), ("augment", "synonym"), ("tokenize", "ner")):
        found = " ".join(code.of_stage(stage, *parts))
        for other in ("params.py", "/train/", "/tunings/", "/challenge/", "/evaluate/", "/report/"):
            assert other not in found, (stage, other)
