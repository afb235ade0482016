"""The cheap stages done again, from the raw files on, into a scratch folder, and compared with what is stored.

Nothing stored is used before its sha256 was found right, so that a tampered file is named and not opened. What is
expensive (search, training) is not done again here: the stored checkpoints predict once more instead.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tuneproof import files, tasks
from tuneproof.errors import MethodError, TuneproofError
from tuneproof.evaluate import ACROSS, FILES
from tuneproof.evaluate.predictions import SPLITS
from tuneproof.trace.experiment import Ensemble, Experiment, Run
from tuneproof.trace.reference import Metric
from tuneproof.verify import inside
from tuneproof.verify.items import Item, by_bytes, by_value, frames, largest_difference

if TYPE_CHECKING:
    import pandas as pd
    import torch

TOLERANCE = {"fp32": 1e-4, "bf16": 3e-2, "fp16": 1e-2}
"""How far probabilities may lie apart on another machine or with other versions: rounding, never another model."""


class Again:
    """Does stages again below `scratch`, which is laid out as the results folder is."""

    def __init__(self, experiment: Experiment, scratch: Path) -> None:
        self.experiment = experiment
        self.new = _Scratch(experiment, scratch)

    def prepare(self, dataset: str) -> Iterator[Item]:
        from tuneproof.dataset import Dataset
        from tuneproof.prepare import run

        stored, again = self.experiment.prepared(dataset), self.new.prepared(dataset)

        def work() -> None:
            declared = files.read_json(self.experiment.settings("prepare", dataset + ".json"))
            manifest = files.read_json(self.experiment.data_manifest(dataset))
            run.run(Dataset.model_validate(declared["dataset"]), dataset, manifest, again)

        names = ("train.parquet", "validation.parquet", "test.parquet", "card.json")
        yield from _compared(stored, again, names, work)

    def augment(self, dataset: str, augmentation: str) -> Iterator[Item]:
        from tuneproof.augment import run
        from tuneproof.augmentation import Augmentation

        stored, again = self.experiment.augmented(dataset, augmentation), self.new.augmented(dataset, augmentation)

        def work() -> None:
            declared = files.read_json(self.experiment.settings("augment", dataset, augmentation + ".json"))
            technique = Augmentation.model_validate(declared["augmentation"])
            run.run(technique, augmentation, declared["task"], self.new.prepared(dataset), again)

        yield from _compared(stored, again, ("train.parquet", "card.json"), work)

    def tokenize(self, dataset: str, augmentation: str, model: str) -> Iterator[Item]:
        from tuneproof import tokenize

        stored = self.experiment.tokens(dataset, augmentation, model)
        again, prepared = self.new.tokens(dataset, augmentation, model), self.new.prepared(dataset)
        splits = {split: prepared / f"{split}.parquet" for split in ("train", *SPLITS)}
        if augmentation != "none":
            splits = {"train": self.new.augmented(dataset, augmentation) / "train.parquet"}

        def work() -> None:
            declared = files.read_json(self.experiment.settings("tokenize", dataset, model + ".json"))
            tokenize.run(
                task_name=declared["task"],
                max_length=declared["max_length"],
                model=self._model(model),
                card=prepared / "card.json",
                splits=splits,
                out=again,
            )

        names = (*(f"{split}.parquet" for split in splits), "card.json")
        yield from _compared(stored, again, names, work)

    def predict(self, run: Run) -> Iterator[Item]:
        """The stored checkpoint on rows tokenized anew; and the validation scores that run.json states.

        Of a run that was left out: that its method cannot run, for the reason that is stored.
        """
        folder = self.experiment.of(run)
        what = f"predictions of {run} from its checkpoint"
        try:
            stored = files.read_frame(folder / "predictions.parquet")
            about = files.read_json(folder / "run.json")
            if "left_out" in about:
                yield self._left_out(run, about["left_out"])
                return
            again = self._predictions(run, about)
        except TuneproofError as error:
            yield Item("differs", what, str(error))
            return
        yield _same_answers(what, stored, again, about, folder)
        gold = files.read_frame(self.new.prepared(run.dataset) / "validation.parquet")
        yield from _validation(f"{folder}/run.json validation", about, stored, gold, self.experiment.task(run.dataset))

    def _left_out(self, run: Run, stored: str) -> Item:
        what = f"{run} is left out"
        reason = self._misfit(run)
        if reason == stored:
            return Item("same", what, reason)
        return Item("differs", what, f"stored: {stored}; again: {reason or 'it can run'}")

    def _misfit(self, run: Run) -> str | None:
        """Why a method cannot run, or None: one fit and its predictions are tried on rows tokenized anew."""
        from tuneproof.train.batches import Tokens
        from tuneproof.train.loop import fit
        from tuneproof.train.predict import predict
        from tuneproof.train.run import load_data

        cell = self.experiment.cell(run)
        augmented, plain = (self.new.tokens(run.dataset, name, run.model) for name in (cell.augmentation, "none"))
        prepared = self.new.prepared(run.dataset)
        teacher = self.experiment.inputs(run).get("teacher")
        data = load_data(cell, prepared=prepared, train=augmented / "train.parquet", tokens=plain, teacher=teacher)
        model, (_, _, rate) = self._model(run.model), cell.learning_rates
        try:
            fitted = fit(cell, data, model_folder=model, learning_rate=rate, warmup_ratio=0.0, seed=run.seed).model
            task = tasks.get(cell.task)
            predict(fitted, task, Tokens.read(plain / "test.parquet"), data.labels, precision="fp32")
        except MethodError as error:
            return " ".join(str(error).split())
        return None

    def _predictions(self, run: Run, about: dict[str, Any]) -> pd.DataFrame:
        import pandas as pd
        import torch

        from tuneproof.train import checkpoint, device
        from tuneproof.train.batches import Tokens
        from tuneproof.train.predict import predict

        device.make_repeatable(about["threads"])
        model, task, labels = checkpoint.load(self.experiment.of(run) / "checkpoint", self._model(run.model))
        torch.nn.Module.to(model, _device(about))
        tokens = self.new.tokens(run.dataset, "none", run.model)
        parts = [
            predict(model, task, Tokens.read(tokens / f"{split}.parquet"), labels, precision=about["precision"])
            .frame.assign(split=split)
            for split in SPLITS
        ]  # fmt: skip
        frame = pd.concat(parts, ignore_index=True)
        return frame[["id", "split", *(column for column in frame.columns if column not in ("id", "split"))]]

    def teach(self, ensemble: Ensemble) -> Iterator[Item]:
        """What the stored checkpoints of an ensemble's members answer to the training rows, tokenized anew."""
        from tuneproof import teach as stage

        stored, again = self.experiment.taught(ensemble), self.new.taught(ensemble)
        what = f"{stored}/train.parquet from its members' checkpoints"
        tokens = self.new.tokens(ensemble.dataset, "none", ensemble.model) / "train.parquet"
        try:
            members = self.experiment.teaching(ensemble)
            stage.run(
                files.read_json(self.experiment.settings("teach", *ensemble[:2], ensemble.name + ".json")),
                runs=self.experiment.of(members[0]).parents[1],
                tokens=tokens,
                card=self.new.prepared(ensemble.dataset) / "card.json",
                model=self._model(ensemble.model),
                out=again,
            )
            before, after = (files.read_frame(folder / "train.parquet") for folder in (stored, again))
            answered = [
                run for run in members if "left_out" not in files.read_json(self.experiment.of(run) / "run.json")
            ]
            first = self.experiment.of((answered or members)[0])
            about = files.read_json(first / "run.json")
        except (TuneproofError, KeyError, ValueError) as error:
            yield Item("differs", what, f"cannot be made again: {' '.join(str(error).split())}")
            return
        if answered:
            yield _same_answers(what, before, after, about, first)
        else:
            yield by_bytes(what, stored / "train.parquet", again / "train.parquet")
        yield by_bytes(str(stored / "members.json"), stored / "members.json", again / "members.json")

    def challenge(self, run: Run) -> Iterator[Item]:
        """The answers of a cell's stored checkpoints to the changed texts; `run` is any of its runs."""
        from tuneproof.challenge import run as stage

        stored, again = self.experiment.challenged(run), self.new.challenged(run)
        what = f"{stored}/predictions.parquet from its checkpoints"
        try:
            declared = files.read_json(self.experiment.settings("challenge", run.dataset, run.model + ".json"))
            first = self.experiment.of(run._replace(seed=declared["seeds"][0]))
            runs, prepared = first.parent, self.new.prepared(run.dataset)
            stage.run(declared, prepared, runs, self._model(run.model), again, timed=False)
            about = files.read_json(first / "run.json")
            tables = {
                name: [files.read_frame(folder / f"{name}.parquet") for folder in (stored, again)]
                for name in ("predictions", "checks", "transfer")
            }
        except (TuneproofError, KeyError, ValueError) as error:
            yield Item("differs", what, f"cannot be made again: {' '.join(str(error).split())}")
            return
        for name, (before, now) in tables.items():
            yield _same_answers(f"{stored}/{name}.parquet from its checkpoints", before, now, about, first)
        yield by_bytes(str(stored / "challenge.json"), stored / "challenge.json", again / "challenge.json")
        elsewhere = "" if "left_out" in about else _elsewhere(about, first)  # nothing was computed
        yield from inside.tables(stored, again, elsewhere)

    def ensemble(self, ensemble: Ensemble) -> Iterator[Item]:
        from tuneproof.ensemble import run as stage

        stored, again = self.experiment.of(ensemble), self.new.of(ensemble)

        def work() -> None:
            declared = files.read_json(self.experiment.settings("ensemble", *ensemble[:2], ensemble.name + ".json"))
            runs = {run.name: self._answers(run) for run in self.experiment.runs_of(*ensemble[:2])}
            tokens, model = self.new.tokens(ensemble.dataset, "none", ensemble.model), self._model(ensemble.model)
            stage.run(declared, self.new.prepared(ensemble.dataset), runs, again, model=model, tokens=tokens)

        averaged = sorted(path.relative_to(stored).as_posix() for path in stored.glob("checkpoint/**/*.*"))
        yield from _compared(stored, again, ("predictions.parquet", "members.json", *averaged), work)

    def evaluate(self, dataset: str, model: str) -> Iterator[Item]:
        """All scores, intervals and comparisons from the stored predictions."""
        from tuneproof.evaluate import run as stage

        stored, again = self.experiment.evaluated(dataset, model), self.new.evaluated(dataset, model)

        def work() -> None:
            predictions = {run.name: self._answers(run) for run in self.experiment.runs_of(dataset, model)}
            for ensemble in self.experiment.ensembles_of(dataset, model):
                predictions[f"ensemble:{ensemble.name}"] = self._answers(ensemble)
            declared = files.read_json(self.experiment.settings("evaluate", dataset, model + ".json"))
            challenges = self.experiment.challenges_of(dataset, model)
            stage.run(declared, self.new.prepared(dataset), predictions, again, challenges)

        yield from _compared(stored, again, FILES, work)

    def across(self) -> Iterator[Item]:
        """Tables over all data sets, and of the searches, from the stored tables of each."""
        from tuneproof.evaluate import across as stage

        def work() -> None:
            declared = files.read_json(self.experiment.settings("across.json"))
            stage.run(declared, self.experiment.results, self.new.results / "evaluate")

        yield from _compared(self.experiment.results / "evaluate", self.new.results / "evaluate", ACROSS, work)

    def report(self) -> Iterator[Item]:
        """Tables and page, with the sha256 of each of the page's sources."""
        from tuneproof.report import ALSO, also
        from tuneproof.report import run as stage

        stored, again = self.experiment.results / "report", self.new.results / "report"

        def work() -> None:
            declared = files.read_json(self.experiment.settings("report.json"))
            stage.run(declared, self.experiment.results, again, files.read_json(stored / "cost.json"))

        more = [path.relative_to(stored).as_posix() for path in also.written(stored)]
        names = ("leaderboard.csv", "learning_curves.csv", "metrics.json", "index.html", *ALSO, *more)
        yield from _compared(stored, again, names, work)

    def metric(self, metric: Metric) -> Item:
        """One number from the stored predictions."""
        from tuneproof.evaluate import scores
        from tuneproof.evaluate.predictions import read
        from tuneproof.evaluate.tables import rounded

        what = f"{metric.file}:{metric}"
        try:
            gold = {split: files.read_frame(self.new.prepared(metric.dataset) / f"{split}.parquet") for split in SPLITS}
            task = tasks.get(self.experiment.task(metric.dataset))
            answers = [read(self._answers(made), gold) for made in metric.made_by(self.experiment)]
            score = scores.by_card(task, self.new.prepared(metric.dataset))[metric.score]
            values = [score.of(gold[metric.split], answer[metric.split]) for answer in answers]
        except TuneproofError as error:
            return Item("differs", what, f"cannot be computed again: {error}")
        return by_value(what, metric.value, rounded(sum(values) / len(values)))

    def _answers(self, made: Run | Ensemble) -> Path:
        return self.experiment.of(made) / "predictions.parquet"

    def _model(self, name: str) -> Path:
        return Path(files.read_json(self.experiment.model_manifest(name))["folder"])


class _Scratch(Experiment):
    """The same layout below another folder, which holds no settings."""

    def __init__(self, experiment: Experiment, folder: Path) -> None:
        self.results, self.about = folder, experiment.about


def _compared(stored: Path, again: Path, names: tuple[str, ...], work: Callable[[], None]) -> Iterator[Item]:
    """Do the work, then compare its files; where it cannot be done, each file says why."""
    try:
        work()
    except (TuneproofError, KeyError, ValueError) as error:
        reason = " ".join(str(error).split())
        for name in names:
            outcome: Item = Item("differs", str(stored / name), f"cannot be made again: {reason}")
            yield outcome if (stored / name).is_file() else outcome._replace(outcome="missing", detail="file not found")
        return
    for name in names:
        yield by_bytes(str(stored / name), stored / name, again / name)


def _same_answers(what: str, stored: pd.DataFrame, again: pd.DataFrame, about: dict[str, Any], folder: Path) -> Item:
    """Bit for bit on the machine and versions of the run; elsewhere the same answers, with what rounding allows."""
    if stored.equals(again):
        return Item("same", what, f"{len(stored)} rows, bit for bit")
    told = frames(stored, again)
    if told == "only in how it is written":
        return Item("same", what, f"{len(stored)} rows, bit for bit")
    elsewhere = _elsewhere(about, folder)
    numbers = next((name for name in ("probabilities", "value") if name in stored), "prediction")
    if elsewhere and list(stored.columns) == list(again.columns) and len(stored) == len(again):
        apart = largest_difference(stored, again, numbers)
        equal = (
            numbers == "prediction"
            or "prediction" not in stored
            or largest_difference(stored, again, "prediction") == 0
        )
        if equal and apart <= TOLERANCE[about["precision"]]:
            return Item("same", what, f"{len(stored)} rows, up to {apart:.2g} by rounding: {elsewhere}")
    return Item("differs", what, told + (f"; {elsewhere}" if elsewhere else ""))


def _elsewhere(about: dict[str, Any], folder: Path) -> str:
    """In what this process differs from the one that made the run, where rounding may come from; else empty."""
    from importlib.metadata import version

    from tuneproof.train import device
    from tuneproof.train.run import PACKAGES

    path = folder / "provenance.json"
    then = files.read_json(path).get("hardware", "") if path.is_file() else ""
    now = device.hardware(_device(about))
    parts = [f"hardware {now}, then {then}"] if now != then else []
    parts += [
        f"{name} {version(name)}, then {about['packages'].get(name)}"
        for name in PACKAGES
        if version(name) != about["packages"].get(name)
    ]
    return ", ".join(parts)


def _device(about: dict[str, Any]) -> torch.device:
    """A fit on the CPU predicts there again; one on a GPU where this machine has one."""
    from tuneproof.train import device

    return device.pick_device("cpu" if about["device"] == "cpu" else "auto")


def _validation(
    what: str, about: dict[str, Any], stored: pd.DataFrame, gold: pd.DataFrame, task_name: str
) -> Iterator[Item]:
    """The scores that run.json states, from the stored answers."""
    answers = stored[stored["split"] == "validation"].set_index("id", drop=False)
    if set(answers.index) != set(gold["id"]):
        yield Item("differs", what, "the rows answered are not the prepared ones")
        return
    again = tasks.get(task_name).evaluate(gold, answers.loc[gold["id"]].reset_index(drop=True))
    for score, value in about["validation"].items():
        yield by_value(f"{what} {score}", value, again.get(score))
