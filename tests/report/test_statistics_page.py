"""docs/statistics.md: its code runs on results as they are written, and gives the numbers of the tables."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from tuneproof.evaluate import ACROSS, TABLES, across, calibration, compare, confusion, entities, mistakes, slices
from tuneproof.evaluate import run as evaluate
from tuneproof.files import write_csv, write_frame, write_json
from tuneproof.report import run

PAGE = Path(__file__).parents[2] / "docs" / "statistics.md"
BLOCKS = re.findall(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)


class Shared:
    """What all tests of this file share: a folder of results, and which blocks were run."""

    folder: Path | None = None
    blocks: set[int]

    def __init__(self) -> None:
        self.blocks = set()


@pytest.fixture(scope="module")
def shared() -> Shared:
    return Shared()


@pytest.fixture
def execute(write_results, tmp_path_factory, monkeypatch, shared):
    if shared.folder is None:
        settings, results = write_results(datasets=("movie", "tweets"))
        write_long_search(results / "search/movie/tiny/full")
        write_names(results)
        write_sure(results)
        declared = {
            **{key: settings[key] for key in ("cells", "datasets")},
            "evaluation": {**settings["evaluation"], "rope": 0.01},
            "ranges": {"warmup_ratio": [0.0, 0.2]},
        }
        across.run(declared, results, results / "evaluate")
        run.run(settings, results, results / "report")
        shared.folder = tmp_path_factory.mktemp("page")  # a test's own folder is gone after it
        results.rename(shared.folder / "results")
    monkeypatch.chdir(shared.folder)

    def run_block(start: str) -> dict[str, Any]:
        """Run the block that follows the sentence with these words."""
        text = PAGE.read_text(encoding="utf-8")
        block = re.search(r"```python\n(.*?)```", text[text.index(start) :], re.DOTALL)
        place = BLOCKS.index(block.group(1))
        shared.blocks.add(place)
        names: dict[str, Any] = {}
        exec(compile(BLOCKS[place], f"{PAGE.name}, block {place + 1}", "exec"), names)
        return names

    return run_block


def write_long_search(folder: Path) -> None:
    """Enough trials to say which setting matters."""
    generator = np.random.default_rng(0)
    rates, warmups = 10 ** generator.uniform(-5.3, -3.3, 24), generator.uniform(0, 0.2, 24)
    states = np.where(np.arange(24) % 4 == 3, "pruned", "complete")
    values = 0.86 - 0.1 * (np.log10(rates) + 4.3) ** 2 - 0.2 * warmups
    trials = {"trial": range(24), "state": states, "learning_rate": rates, "warmup_ratio": warmups, "epochs": 4}
    write_csv(folder / "trials.csv", pd.DataFrame({**trials, "value": values}))
    best = int(np.where(states == "complete", values, 0).argmax())
    chosen = {"learning_rate": rates[best], "warmup_ratio": warmups[best], "value": values[best], "trial": best}
    write_json(
        folder / "best.json",
        {**chosen, "score": "accuracy", "trials": 24, "range": [10**-5.3, 10**-3.3], "edge": None},
    )


def write_names(results: Path) -> None:
    """A data set of names beside the others, which the report does not know of."""
    gold = pd.DataFrame(
        {
            "id": ["a", "b", "c", "d"],
            "tokens": [["w"] * 3] * 4,
            "tags": [["B-person", "I-person", "O"], ["O", "B-place", "O"], ["B-person", "O", "B-person"], ["O"] * 3],
        }
    )
    found = [
        [["B-person", "I-person", "O"], ["O", "B-person", "O"], ["B-person", "O", "O"], ["O"] * 3],
        [["B-person", "O", "O"], ["O", "B-place", "O"], ["B-person", "O", "B-person"], ["B-place", "O", "O"]],
    ]
    predictions = {}
    for split in ("validation", "test"):
        write_frame(results / "prepare/names" / f"{split}.parquet", gold)
    for seed, answers in enumerate(found):
        path = results / f"train/names/tiny/full/seed-{seed}/predictions.parquet"
        frames = [pd.DataFrame({"id": gold["id"], "split": s, "prediction": answers}) for s in ("validation", "test")]
        write_frame(path, pd.concat(frames))
        predictions[f"full/seed-{seed}"] = path
    settings = {"task": "ner", "dataset": "names", "model": "tiny"}
    settings["evaluation"] = {"bootstrap": 300, "confidence": 0.95, "seed": 0}
    evaluate.run(settings, results / "prepare/names", predictions, results / "evaluate/names/tiny")


def write_sure(results: Path) -> None:
    """A data set with texts and probabilities, for calibration and slices."""
    generator = np.random.default_rng(3)
    predictions, gold = {}, {}
    for split in ("validation", "test"):
        texts = [" ".join(["word"] * count) for count in generator.integers(1, 9, 150)]
        labels = generator.choice(["no", "yes"], 150).tolist()
        gold[split] = pd.DataFrame({"id": [f"{split}-{i}" for i in range(150)], "text": texts, "label": labels})
        write_frame(results / "prepare/sure" / f"{split}.parquet", gold[split])
    write_json(results / "prepare/sure/card.json", {"labels": ["no", "yes"]})
    for seed in (0, 1):
        frames = []
        for split, rows in gold.items():
            yes = 1 / (1 + np.exp(-2 * ((rows["label"] == "yes") - 0.5 + generator.normal(size=150))))
            answers = {"prediction": np.where(yes > 0.5, "yes", "no"), "probabilities": [[1 - p, p] for p in yes]}
            frames.append(pd.DataFrame({"id": rows["id"], "split": split, **answers}))
        path = results / f"train/sure/small/full/seed-{seed}/predictions.parquet"
        write_frame(path, pd.concat(frames))
        predictions[f"full/seed-{seed}"] = path
    short = {"pattern": None, "words": [None, 4], "column": None, "equals": None}
    settings = {"task": "classification", "dataset": "sure", "model": "small"}
    settings["evaluation"] = {"bootstrap": 300, "confidence": 0.95, "seed": 0, "slices": {"short": short}}
    evaluate.run(settings, results / "prepare/sure", predictions, results / "evaluate/sure/small")


def pairs() -> pd.DataFrame:
    return pd.read_csv("results/evaluate/movie/tiny/comparisons.csv").set_index(["a", "b"])


def test_a_leaderboard_value_by_hand(execute):
    names = execute("A leaderboard value")
    stored = names["board"].loc[("movie", "tiny", "lora"), "value"]
    assert sum(names["values"]) / 3 == pytest.approx(stored, abs=1e-6)


def test_the_verdict_by_hand(execute):
    names = execute("“It cannot be told apart from …”")
    page = Path("results/report/index.html").read_text(encoding="utf-8")
    rivals = names["rivals"]
    assert len(rivals) > 1
    assert f"{names['best']} is ahead at" in page
    assert f"it cannot be told apart from {', '.join(rivals[:-1])} and {rivals[-1]}" in page


def test_a_difference_by_hand(execute):
    names = execute("A difference, its interval")
    stored = pairs().loc[("full", "probe")]
    assert names["difference"].mean() == pytest.approx(stored["difference"], abs=1e-6)
    assert names["low"] == pytest.approx(stored["low"], abs=0.005)
    assert names["high"] == pytest.approx(stored["high"], abs=0.005)


def test_approximate_randomisation_by_hand(execute):
    p = execute("Approximate randomisation of the same pair")["p"]
    assert p == pytest.approx(1 / 2001)
    assert pairs().loc[("full", "probe"), "p_randomisation"] == pytest.approx(1 / 301, abs=1e-6)


def test_mcnemar_by_hand(execute):
    p = execute("McNemar's test of another pair")["p"]
    assert 0 < p < 1
    assert pairs().loc[("full", "lora"), "p_mcnemar"] == pytest.approx(p, rel=1e-5)


def test_calibration_by_hand(execute):
    ece = execute("Expected calibration error of one run")["ece"]
    stored = pd.read_csv("results/evaluate/sure/small/calibration.csv").query("scaling == 'none' and seed == 0")
    assert stored.set_index("measure")["value"]["ece"] == pytest.approx(ece, rel=1e-5)


def test_a_gap_by_hand(execute):
    gaps = execute("The gap of a slice")["gaps"]
    stored = pd.read_csv("results/evaluate/sure/small/slices.csv").iloc[0]
    assert stored["gap"] == pytest.approx(sum(gaps) / 2, abs=1e-5)


def test_holm_by_hand(execute):
    names = execute("Holm's correction, from the table's p")
    assert len(names["corrected"]) == 8 * 7 / 2
    assert names["corrected"].to_numpy() == pytest.approx(names["pairs"]["p_holm"].to_numpy(), rel=1e-4)


def test_seeds_needed_by_hand(execute):
    names = execute("Seeds needed, from")
    assert names["needed"] == names["pair"]["seeds_needed"]


def test_stochastic_order_by_hand(execute):
    epsilon = execute("Almost stochastic order, from the seeds")["epsilon"]
    found = pairs()
    if ("full", "lora") in found.index:
        assert epsilon == pytest.approx(found.loc[("full", "lora"), "epsilon_min"], abs=0.05)
    else:
        assert epsilon > 0.5 > found.loc[("lora", "full"), "epsilon_min"]


def test_ranks_and_friedman_by_hand(execute):
    names = execute("Ranks, Friedman's test")
    stored = pd.read_csv("results/evaluate/friedman.csv").iloc[0]
    assert (stored["datasets"], stored["methods"]) == (2, 7)
    assert names["chi2"] == pytest.approx(stored["chi2"], rel=1e-4)
    assert names["f"] == pytest.approx(stored["f"], rel=1e-4)
    assert names["critical"] == pytest.approx(stored["critical_difference"], rel=1e-4)
    ranks = pd.read_csv("results/evaluate/ranks.csv").set_index("method")["mean_rank"]
    assert names["ranks"][ranks.index].tolist() == pytest.approx(ranks.tolist())


def test_pairs_over_data_sets_by_hand(execute):
    names = execute("Wilcoxon's test and the Bayesian one")
    stored = pd.read_csv("results/evaluate/across.csv").set_index(["a", "b"]).loc[("full", "probe")]
    assert names["apart"].mean() == pytest.approx(stored["difference"], abs=1e-5)
    assert names["p"] == pytest.approx(stored["p_wilcoxon"])
    wanted = stored[["probability_a", "probability_rope", "probability_b"]].tolist()
    assert names["probabilities"].tolist() == pytest.approx(wanted, abs=0.02)


def test_searches_by_hand(execute):
    names = execute("A search's expected best score")
    stored = pd.read_csv("results/evaluate/expected_best.csv").set_index(["dataset", "method", "trials"])
    stored = stored.loc[("movie", "lora", 3)]
    assert names["expected"] == pytest.approx(stored["expected"], abs=1e-5)
    assert names["unbiased"] == pytest.approx(stored["expected_unbiased"], abs=1e-5)
    half = pd.read_csv("results/evaluate/half_budget.csv").set_index("dataset").loc["movie"]
    assert names["tau"] == pytest.approx(half["tau"], abs=1e-5)
    search = pd.read_csv("results/evaluate/search.csv").query("dataset == 'movie'").set_index("method")
    assert names["share_pruned"].to_dict() == pytest.approx(search["share_pruned"].to_dict(), abs=1e-5)


def test_importances_by_hand(execute):
    names = execute("Importances of one search")
    stored = pd.read_csv("results/evaluate/importances.csv").query("dataset == 'movie' and method == 'full'")
    assert names["shares"] == pytest.approx(dict(zip(stored["setting"], stored["share"], strict=True)), abs=0.02)
    assert names["shares"]["learning_rate"] > 0.5


def test_a_recall_of_one_type_by_hand(execute):
    names = execute("Recall of one entity type")
    stored = pd.read_csv("results/evaluate/names/tiny/entities.csv").set_index(["type", "measure"])
    assert sum(names["recalls"]) / 2 == pytest.approx(stored.loc[("person", "recall"), "value"], abs=1e-5)


def test_every_block_of_the_page_was_run(shared, request):
    """Comes after the others; alone it says nothing."""
    mine = [item for item in request.session.items if item.path == request.node.path]
    if len(mine) < 17:
        pytest.skip("only with the whole file")
    assert shared.blocks == set(range(len(BLOCKS)))


def test_every_column_and_table_is_explained():
    text = PAGE.read_text(encoding="utf-8")
    tables = [evaluate.SCORES, compare.COLUMNS, compare.GROUPS, entities.COLUMNS]
    parts = (calibration, confusion, mistakes, slices)
    tables += [columns for part in parts for columns in part.COLUMNS.values()]
    tables += [across.PAIRS, across.RANKS, across.FRIEDMAN, across.SEARCH]
    tables += [across.IMPORTANCES, across.EXPECTED, across.HALF, across.TRIALS]
    assert [column for table in tables for column in table if f"`{column}`" not in text] == []
    assert [file for file in (*TABLES, *ACROSS) if file.endswith(".csv") and f"`{file}`" not in text] == []
    measures = (*entities.MEASURES, *calibration.MEASURES)
    assert [measure for measure in measures if f"`{measure}`" not in text] == []


def test_every_score_is_explained():
    from tuneproof import tasks
    from tuneproof.evaluate import scores

    text = PAGE.read_text(encoding="utf-8")
    for name in tasks.TASKS:
        for score in scores.of(tasks.get(name), scores.Labels([], None)):
            assert f"`{score}`" in text
