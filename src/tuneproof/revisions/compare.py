"""`tuneproof report --compare A B`: params, code, data and scores of two revisions.

Scores of a method are compared as two methods are: over the same resamples of the same test rows, runs paired by
seed, p corrected over all comparisons after Holm. Where the test rows differ, nothing is said.
"""

from __future__ import annotations

import math
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from tuneproof import files, statistics, tasks
from tuneproof.errors import DataError, TuneproofError
from tuneproof.report.results import rows
from tuneproof.revisions.revision import Revision, changed_files

if TYPE_CHECKING:
    from collections.abc import Mapping

SPLITS = ("validation", "test")


class Change(NamedTuple):
    """A method's (or ensemble's) primary score in two revisions."""

    dataset: str
    model: str
    method: str
    score: str
    before: float | None
    after: float | None
    difference: float | None
    """After minus before; None where it is not defined, as `note` says."""
    low: float | None = None
    high: float | None = None
    p_holm: float | None = None
    significant: bool = False
    note: str = ""


class Compared(NamedTuple):
    """All that differs between two revisions."""

    before: str
    after: str
    """Full hashes of the commits."""
    confidence: float
    params: dict[str, tuple[Any, Any]]
    """Key of params.yaml (`training.epochs`) → value before and after; None where it is not there."""
    files: list[str]
    """Committed files that differ, params.yaml left out."""
    stages: list[str]
    """DVC's stages whose results differ."""
    scores: list[Change]


def compare(a: str, b: str, results: Path) -> Compared:
    """Raises `TuneproofError` where a revision or its leaderboard is not at hand."""
    before, after = Revision(a), Revision(b)
    boards: list[dict[Any, dict[str, Any]]] = []
    for revision in (before, after):
        board = revision.table(results / "report" / "leaderboard.csv")
        if board is None:
            where = results / "report" / "leaderboard.csv"
            raise TuneproofError(f"--compare: {revision.name} has no {where}; allowed: a revision with stored results")
        boards.append({(r["dataset"], r["model"], r["method"]): r for r in rows(board)})
    one, other = before.committed("params.yaml"), after.committed("params.yaml")
    settings = _evaluation(other)
    with tempfile.TemporaryDirectory(prefix="tuneproof-compare-") as scratch:
        reader = _Reader(before, after, results, Path(scratch), settings)
        scores = [reader.change(key, boards[0].get(key), boards[1].get(key)) for key in {**boards[0], **boards[1]}]
    return Compared(
        before.commit,
        after.commit,
        settings["confidence"],
        params_changes(one, other),
        [name for name in changed_files(before, after) if name != "params.yaml"],
        _stages(before.committed("dvc.lock"), after.committed("dvc.lock")),
        corrected(scores, settings["confidence"]),
    )


def params_changes(one: Mapping[str, Any], other: Mapping[str, Any]) -> dict[str, tuple[Any, Any]]:
    """Dotted key → value before and after, of those that differ."""
    before, after = dict(_flat(one)), dict(_flat(other))
    return {
        key: (before.get(key), after.get(key))
        for key in dict.fromkeys([*before, *after])
        if before.get(key) != after.get(key)
    }


def corrected(found: list[Change], confidence: float) -> list[Change]:
    """p values after Holm over all that were tested, and what is significant by them."""
    tested = [change for change in found if change.p_holm is not None]
    p = dict(zip(tested, statistics.holm([change.p_holm or 0.0 for change in tested]), strict=True))
    return [
        change._replace(p_holm=p[change], significant=p[change] < 1 - confidence) if change in p else change
        for change in found
    ]


class _Reader:
    """Brings the files of both revisions into a scratch folder, and compares them."""

    def __init__(
        self, before: Revision, after: Revision, results: Path, scratch: Path, settings: dict[str, Any]
    ) -> None:
        self.revisions, self.results, self.scratch, self.settings = (before, after), results, scratch, settings
        self.rows: dict[str, Path | str] = {}
        """Data set → folder of its prepared rows, or why there is none that both share."""

    def change(
        self, key: tuple[str, str, str], one: Mapping[str, Any] | None, other: Mapping[str, Any] | None
    ) -> Change:
        """One row of both leaderboards."""
        dataset, model, method = key
        row = other or one or {}
        values = [None if r is None or r["value"] is None else float(r["value"]) for r in (one, other)]
        told = Change(dataset, model, method, str(row["score"]), values[0], values[1], None)
        if None in values:
            return told._replace(note=f"only in {self.revisions[values[0] is None].name}")
        if one is not None and one["score"] != row["score"]:
            return told._replace(note=f"another score: {one['score']} before")
        prepared = self._prepared(dataset)
        if isinstance(prepared, str):
            return told._replace(note=prepared)
        try:
            return self._tested(told, prepared, self._answers(dataset, model, method, str(row["kind"])))
        except DataError as error:
            return told._replace(note=" ".join(str(error).replace(str(self.scratch), "").split()))

    def _prepared(self, dataset: str) -> Path | str:
        """The folder of the rows that both revisions were judged on, or why they were not judged on the same."""
        if dataset not in self.rows:
            folder, names = self.scratch / "prepare" / dataset, [*(f"{split}.parquet" for split in SPLITS), "card.json"]
            folder.mkdir(parents=True)
            self.rows[dataset] = folder
            for name in names:
                path = self.results / "prepare" / dataset / name
                one, other = (revision.result(path) for revision in self.revisions)
                if one is None or other is None:
                    self.rows[dataset] = f"{path} is not in DVC's cache"
                elif name == "test.parquet" and one != other:
                    self.rows[dataset] = "the test rows differ"
                else:
                    (folder / name).write_bytes(other)
        return self.rows[dataset]

    def _answers(self, dataset: str, model: str, method: str, kind: str) -> list[dict[int, Path]]:
        """Seed (0 for an ensemble) → predictions, of each revision."""
        found = []
        for place, revision in enumerate(self.revisions):
            mine = {}
            for seed in self._seeds(revision) if kind == "method" else [0]:
                folder = Path("train", dataset, model, method, f"seed-{seed}")
                folder = folder if kind == "method" else Path("ensemble", dataset, model, method)
                content = revision.result(self.results / folder / "predictions.parquet")
                if content is not None:
                    mine[seed] = self.scratch / str(place) / folder / "predictions.parquet"
                    mine[seed].parent.mkdir(parents=True, exist_ok=True)
                    mine[seed].write_bytes(content)
            if not mine:
                raise DataError(f"its predictions of {revision.name} are not in DVC's cache")
            found.append(mine)
        return found

    def _tested(self, told: Change, prepared: Path, answers: list[dict[int, Path]]) -> Change:
        from tuneproof.evaluate import scores
        from tuneproof.evaluate.predictions import read

        one, other = ({seed: path.read_bytes() for seed, path in mine.items()} for mine in answers)
        if one == other:
            return told._replace(difference=0.0, note="the same predictions")
        gold = {"test": files.read_frame(prepared / "test.parquet")}
        score = scores.by_card(tasks.get(files.read_json(prepared / "card.json")["task"]), prepared)[told.score]
        counts = statistics.resamples(len(gold["test"]), self.settings["bootstrap"], seed=self.settings["seed"])
        measured = []
        for mine in answers:
            predicted = [read(path, gold)["test"] for path in mine.values()]
            sums = [score.statistics(gold["test"], answer) for answer in predicted]
            measured.append(statistics.measure(score, sums, counts, seeds=[*mine]))
        found = statistics.difference(measured[1], measured[0], confidence=self.settings["confidence"])
        return told._replace(
            difference=_known(found.value),
            low=_known(found.low),
            high=_known(found.high),
            p_holm=_known(found.p),
            note=found.note,
        )

    def _seeds(self, revision: Revision) -> list[int]:
        return [int(seed) for seed in revision.committed("params.yaml").get("seeds", [0])]


def _evaluation(params: Mapping[str, Any]) -> dict[str, Any]:
    """`bootstrap`, `confidence` and `seed` of the later revision, with the defaults of params."""
    from tuneproof.params import Evaluation

    usual = Evaluation()
    declared = params.get("evaluation") or {}
    return {name: declared.get(name, getattr(usual, name)) for name in ("bootstrap", "confidence", "seed")}


def _stages(one: Mapping[str, Any], other: Mapping[str, Any]) -> list[str]:
    before, after = ((content.get("stages") or {}) for content in (one, other))
    return [
        name
        for name in dict.fromkeys([*before, *after])
        if (before.get(name) or {}).get("outs") != (after.get(name) or {}).get("outs")
    ]


def _flat(content: Any, where: str = "") -> Iterator[tuple[str, Any]]:
    if isinstance(content, dict) and content:
        for key, value in content.items():
            yield from _flat(value, f"{where}.{key}" if where else str(key))
    else:
        yield where, content


def _known(value: float) -> float | None:
    return None if math.isnan(value) else value
