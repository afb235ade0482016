"""One command a stage: arguments in, one function call, nothing else.

Heavy packages are imported by the stage that needs them, so that `--help` and the light stages start at once.
"""

from __future__ import annotations

import logging
import os
import sys
import traceback
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tuneproof import __version__
from tuneproof.commands import fit, import_results, label_errors, predict, recommend, report, show, teach
from tuneproof.errors import ParamsError, TuneproofError, of_machine

if TYPE_CHECKING:
    from tuneproof.cell import Cell

app = typer.Typer(
    name="tuneproof",
    no_args_is_help=True,
    add_completion=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="markdown",
    help="Which way of fine-tuning is best for my task, my data and my budget? With proof.\n\n"
    "The stages are usually run by `snakemake --cores all` or `dvc repro`; each can be run alone as well.",
)

Settings = Annotated[Path, typer.Option(help="Settings file of the job, below results/settings/.")]
Out = Annotated[Path, typer.Option(help="Where the outcome is written.")]
Prepared = Annotated[Path, typer.Option(help="Folder of the prepared data set.")]
ModelManifest = Annotated[Path, typer.Option(help="Manifest of the pre-trained model.")]
Tokens = Annotated[Path, typer.Option(help="Folder of the tokenized data set.")]
TrainTokens = Annotated[Path, typer.Option(help="The tokenized train split, augmented or not.")]
Teacher = Annotated[Path | None, typer.Option(help="What teach wrote, for a method with `distil`.")]
Threads = Annotated[int, typer.Option(min=1, help="Threads for matrix products.")]
Scratch = Annotated[Path, typer.Option(help="Folder for what a killed job resumes from.")]
SaveEvery = Annotated[
    float,
    typer.Option(
        min=0,
        envvar="TUNEPROOF_SAVE_EVERY",
        help="Seconds between two states that a killed fit goes on from; 0: one after every step.",
    ),
]
Stall = Annotated[
    float,
    typer.Option(min=0, envvar="TUNEPROOF_STALL_MINUTES", help="A step that takes longer ends the job; 0: no limit."),
]
Predictions = Annotated[list[str], typer.Option(help="`NAME=FILE`, once for each run or ensemble.")]
Cache = Annotated[Path, typer.Option(help="Folder that downloads are kept in.")]


def _version(wanted: bool) -> None:
    if wanted:
        print(__version__)
        raise typer.Exit


@app.callback()
def options(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version.")
    ] = False,
    debug: Annotated[bool, typer.Option("--debug", help="Show a traceback for every error.")] = False,
) -> None:
    if debug:
        os.environ["TUNEPROOF_DEBUG"] = "1"


@app.command()
def fetch(settings: Settings, out: Out, cache: Cache = Path("data")) -> None:
    """Download a data set or a model, check its sha256, and write its manifest.

    Example: `tuneproof fetch --settings results/settings/fetch/data/movie.json --out results/fetch/data/movie.json`
    """
    from pydantic import TypeAdapter

    from tuneproof import fetch as stage
    from tuneproof import files
    from tuneproof.origins import Model, Source

    declared = files.read_json(settings)
    if "model" in declared:
        manifest = stage.fetch_model(TypeAdapter(Model).validate_python(declared["model"]), cache)
    else:
        source: Source = TypeAdapter(Source).validate_python(declared["source"])
        manifest = stage.fetch_data(source, cache)
    files.write_json(out, manifest)


@app.command()
def prepare(
    settings: Annotated[Path | None, typer.Option(help="Settings file of the job, below results/settings/.")] = None,
    manifest: Annotated[Path | None, typer.Option(help="What fetch wrote.")] = None,
    out: Annotated[Path | None, typer.Option(help="Where the outcome is written.")] = None,
    cache: Cache = Path("data"),
    inspect: Annotated[
        Path | None, typer.Option(help="Say what this file holds, and print the block of params that reads it.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="With --inspect: for programs.")] = False,
) -> None:
    """Read, clean, check and split a data set; or, with `--inspect`, look at a file before anything is declared.

    Example: `tuneproof prepare --inspect my/reviews.csv`

    `tuneproof prepare --inspect my/reviews.csv --json | jq .rows`

    `tuneproof prepare --settings results/settings/prepare/movie.json --manifest results/fetch/data/movie.json
    --out results/prepare/movie`
    """
    from tuneproof import fetch as fetched
    from tuneproof import files
    from tuneproof.dataset import Dataset
    from tuneproof.prepare import run

    if inspect is not None:
        from tuneproof.prepare import inspect as inspection

        seen = inspection.inspect(inspect)
        print(files.json_text(seen).rstrip() if as_json else "\n".join(map(_printable, inspection.shown(seen))))
        return
    if settings is None or manifest is None or out is None:
        raise TuneproofError("prepare: needs --inspect FILE; or --settings, --manifest and --out, as its job has them")
    declared = files.read_json(settings)
    dataset = Dataset.model_validate(declared["dataset"])
    found = files.read_json(manifest)
    fetched.ensure_data(found, dataset.source, cache)
    run.run(dataset, declared["name"], found, out)


@app.command()
def augment(settings: Settings, prepared: Prepared, out: Out) -> None:
    """Make new training rows from the prepared ones.

    Example: `tuneproof augment --settings results/settings/augment/movie/synonym.json
    --prepared results/prepare/movie --out results/augment/movie/synonym`
    """
    from tuneproof import files
    from tuneproof.augment import run
    from tuneproof.augmentation import Augmentation

    declared = files.read_json(settings)
    augmentation = Augmentation.model_validate(declared["augmentation"])
    run.run(augmentation, declared["name"], declared["task"], prepared, out)


@app.command()
def tokenize(
    settings: Settings,
    model: ModelManifest,
    prepared: Prepared,
    out: Out,
    augmented: Annotated[Path | None, typer.Option(help="Augmented train split; then only it is tokenized.")] = None,
) -> None:
    """Turn texts into sub-token ids, once for each data set, augmentation and model.

    Example: `tuneproof tokenize --settings results/settings/tokenize/movie/minilm.json
    --model results/fetch/models/minilm.json --prepared results/prepare/movie --out results/tokenize/movie/none/minilm`
    """
    from tuneproof import files
    from tuneproof import tokenize as stage

    declared = files.read_json(settings)
    splits = {split: prepared / f"{split}.parquet" for split in ("train", "validation", "test")}
    stage.run(
        task_name=declared["task"],
        max_length=declared["max_length"],
        model=_model_folder(model),
        card=prepared / "card.json",
        splits={"train": augmented} if augmented else splits,
        out=out,
    )


@app.command()
def search(
    context: typer.Context,
    settings: Settings,
    prepared: Prepared,
    tokens: Tokens,
    train_tokens: TrainTokens,
    model: ModelManifest,
    out: Out,
    worker: Annotated[
        int | None, typer.Option(min=0, help="Only take part: the number of one of `search.workers` jobs.")
    ] = None,
    teacher: Teacher = None,
    threads: Threads = 1,
    scratch: Scratch = Path(".tuneproof/search"),
    save_every: SaveEvery = 60.0,
    stall: Stall = 60.0,
) -> None:
    """Search the learning rate of one method on one data set; a killed search goes on where it was.

    Example: `tuneproof search --settings results/settings/cell/movie/minilm/lora.json --prepared results/prepare/movie
    --tokens results/tokenize/movie/none/minilm --train-tokens results/tokenize/movie/none/minilm/train.parquet
    --model results/fetch/models/minilm.json --out results/search/movie/minilm/lora`
    """
    from tuneproof import lock, watchdog
    from tuneproof import search as stage
    from tuneproof.cell import Cell
    from tuneproof.train import device, gpu
    from tuneproof.train.run import load_data

    device.make_repeatable(threads)
    context.with_resource(watchdog.watching(60 * stall))
    cell = Cell.read(settings)
    gpu.take(cell.training.device)
    inputs = [settings, train_tokens, tokens / "validation.parquet", prepared / "validation.parquet", model]
    inputs += [teacher] if teacher else []
    lock.free_journals(scratch, f"{cell.dataset}-{cell.model}-{cell.method}")
    stage.run(
        cell,
        load_data(cell, prepared=prepared, train=train_tokens, tokens=tokens, teacher=teacher),
        model_folder=_model_folder(model),
        fingerprint=stage.fingerprint([*inputs, *map(Path, _sources(cell))]),
        scratch=scratch,
        save_every=save_every,
        out=out,
        worker=worker,
    )


@app.command()
def train(
    context: typer.Context,
    settings: Settings,
    best: Annotated[Path, typer.Option(help="What search found.")],
    seed: Annotated[int, typer.Option(min=0, help="Seed of head, data order and dropout.")],
    prepared: Prepared,
    tokens: Tokens,
    train_tokens: TrainTokens,
    model: ModelManifest,
    out: Out,
    teacher: Teacher = None,
    threads: Threads = 1,
    scratch: Scratch = Path(".tuneproof/train"),
    save_every: SaveEvery = 60.0,
    stall: Stall = 60.0,
) -> None:
    """Train one method with one seed on the best settings found, and predict validation and test rows.

    Example: `tuneproof train --settings results/settings/cell/movie/minilm/lora.json
    --best results/search/movie/minilm/lora/best.json --seed 0 --prepared results/prepare/movie
    --tokens results/tokenize/movie/none/minilm --train-tokens results/tokenize/movie/none/minilm/train.parquet
    --model results/fetch/models/minilm.json --out results/train/movie/minilm/lora/seed-0`
    """
    from tuneproof import trackers, watchdog
    from tuneproof.cell import Cell
    from tuneproof.train import device, gpu
    from tuneproof.train import run as stage

    wanted = trackers.chosen()
    device.make_repeatable(threads)
    context.with_resource(watchdog.watching(60 * stall))
    cell = Cell.read(settings)
    gpu.take(cell.training.device)
    inputs = {
        "settings": settings,
        "best": best,
        "trials": best.with_name("trials.csv"),
        "card": prepared / "card.json",
        "gold": prepared / "validation.parquet",
        "train_tokens": train_tokens,
        "validation_tokens": tokens / "validation.parquet",
        "test_tokens": tokens / "test.parquet",
        "model": model,
        **({"teacher": teacher} if teacher else {}),
    }
    stage.run(
        cell,
        stage.load_data(cell, prepared=prepared, train=train_tokens, tokens=tokens, teacher=teacher),
        seed=seed,
        best=best,
        test_tokens=tokens / "test.parquet",
        model_folder=_model_folder(model),
        inputs=stage.hashes(inputs),
        code=_sources(cell),
        command=["tuneproof", *(context.obj or ())],
        scratch=scratch,
        save_every=save_every,
        out=out,
    )
    trackers.track_or_warn(out, wanted)


app.command()(teach.teach)


@app.command()
def challenge(
    settings: Settings,
    prepared: Prepared,
    runs: Annotated[Path, typer.Option(help="Folder of the method's runs, one a seed.")],
    model: ModelManifest,
    out: Out,
) -> None:
    """Let the stored runs of one method answer changed test texts; measure their latency.

    Example: `tuneproof challenge --settings results/settings/challenge/movie/minilm.json
    --prepared results/prepare/movie --runs results/train/movie/minilm/lora --model results/fetch/models/minilm.json
    --out results/challenge/movie/minilm/lora`
    """
    from tuneproof import files
    from tuneproof.challenge import run
    from tuneproof.train import gpu

    declared = files.read_json(settings)
    # the runs answer on the kind of device that they were trained on
    gpu.take(files.read_json(runs / f"seed-{declared['seeds'][0]}" / "run.json").get("device", "cpu"))
    run.run(declared, prepared, runs, _model_folder(model), out)


@app.command()
def ensemble(
    settings: Settings,
    prepared: Prepared,
    predictions: Predictions,
    out: Out,
    model: Annotated[Path | None, typer.Option(help="Soups: manifest of the pre-trained model.")] = None,
    tokens: Annotated[Path | None, typer.Option(help="Soups: folder of the tokenized data set.")] = None,
) -> None:
    """Let several runs answer together.

    Example: `tuneproof ensemble --settings results/settings/ensemble/movie/minilm/full-seeds.json
    --prepared results/prepare/movie
    --predictions full/seed-0=results/train/movie/minilm/full/seed-0/predictions.parquet
    --out results/ensemble/movie/minilm/full-seeds`
    """
    from tuneproof import files
    from tuneproof.ensemble import run as stage
    from tuneproof.train import gpu

    runs = _named(predictions)
    if model is not None:  # a soup answers on the kind of device that its members did
        gpu.take(files.read_json(next(iter(runs.values())).with_name("run.json")).get("device", "cpu"))
    folder = None if model is None else _model_folder(model)
    stage.run(files.read_json(settings), prepared, runs, out, model=folder, tokens=tokens)


@app.command()
def evaluate(
    settings: Settings,
    prepared: Prepared,
    predictions: Predictions,
    out: Out,
    challenges: Annotated[list[str] | None, typer.Option(help="`METHOD=FOLDER` that challenge wrote.")] = None,
) -> None:
    """Score all predictions of a data set and model on the test split, with intervals and comparisons.

    Example: `tuneproof evaluate --settings results/settings/evaluate/movie/minilm.json --prepared results/prepare/movie
    --predictions lora/seed-0=results/train/movie/minilm/lora/seed-0/predictions.parquet
    --out results/evaluate/movie/minilm`
    """
    from tuneproof import files
    from tuneproof.evaluate import run

    run.run(
        files.read_json(settings), prepared, _named(predictions), out, _named(challenges or [], option="--challenges")
    )


@app.command()
def across(settings: Settings, results: Annotated[Path, typer.Option(help="Folder of all results.")], out: Out) -> None:
    """Compare methods over all data sets, and look at the searches.

    Example: `tuneproof across --settings results/settings/across.json --results results --out results/evaluate`
    """
    from tuneproof import files
    from tuneproof.evaluate import across as job

    job.run(files.read_json(settings), results, out)


@app.command()
def power(
    a: Annotated[str, typer.Argument(help="A method or ensemble.")],
    b: Annotated[str, typer.Argument(help="Another one.")],
    results: Annotated[Path, typer.Option(help="Folder of all results.")] = Path("results"),
    dataset: Annotated[str | None, typer.Option(help="Only this data set.")] = None,
    model: Annotated[str | None, typer.Option(help="Only this model.")] = None,
    difference: Annotated[
        float | None, typer.Option(min=0, help="The true difference to be shown; the one found where not given.")
    ] = None,
) -> None:
    """Say how many seeds or test rows it would take to tell two methods apart.

    Example: `tuneproof power lora full --dataset movie-sentiment --difference 0.02`
    """
    from tuneproof.evaluate.power import report as told

    print(told(a, b, results, dataset=dataset, model=model, difference=difference))


app.command()(report.report)


@app.command()
def check(file: Annotated[Path, typer.Argument(help="A params file.")] = Path("params.yaml")) -> None:
    """Check a params file: one line for each mistake, exit code 2; says what would run otherwise.

    Example: `tuneproof check experiments/tiny.yaml`
    """
    from tuneproof import experiment, params, settings

    loaded = params.load(file)
    experiment.require_files(loaded, where=file)
    planned = settings.plan(loaded)
    runs = len(planned.cells) * len(loaded.seeds)
    trials = len(planned.cells) * loaded.search.trials
    print(
        f"{file}: {len(planned.cells)} cells, {trials} search trials, {runs} runs, {len(planned.ensembles)} ensembles"
    )
    for name, crossed in params.crossed_in(file).items():
        print(f"methods.{name}: {len(crossed)} methods: {', '.join(crossed)}")
    for entry in planned.left_out:
        print(f"left out: {entry['dataset']}/{entry['model']}/{entry['method']}: {entry['reason']}")


@app.command()
def plan(
    file: Annotated[Path, typer.Argument(help="A params file.")] = Path("params.yaml"),
    budget: Annotated[str | None, typer.Option(help="Time there is, as in `2h` or `90min`: says what to cut.")] = None,
    cores: Annotated[int, typer.Option(min=0, help="Cores that the run will have; 0: all of this machine.")] = 0,
    seconds: Annotated[float, typer.Option(min=0, help="How long to measure this machine.")] = 10.0,
    cache: Cache = Path("data"),
    as_json: Annotated[bool, typer.Option("--json", help="For programs.")] = False,
) -> None:
    """Say before anything starts how long the experiment will take on this machine, and what it will need.

    Measures a few real steps of each method for about ten seconds; downloads data and models that are not there.

    Example: `tuneproof plan experiments/accuracy.yaml --budget 2h`
    """
    import json

    from tuneproof import experiment, params
    from tuneproof.preflight import budget as budgets
    from tuneproof.preflight import run, show
    from tuneproof.preflight.stored import Store
    from tuneproof.train import device

    logging.getLogger("tuneproof").setLevel(logging.WARNING)
    time = None if budget is None else budgets.seconds_of(budget)
    loaded = params.load(file)
    experiment.require_files(loaded, where=file)
    found = run.run(
        loaded,
        configfile=None if file == experiment.DEFAULT else file,
        cores=cores or device.cores(),
        seconds=seconds,
        budget=time,
        cache=cache,
        store=Store() if os.access(Path.cwd(), os.W_OK) else None,
    )
    print(json.dumps(found.as_json(), indent=2) if as_json else "\n".join(show.lines(found, budget=time)))


@app.command()
def methods(
    names: Annotated[list[str] | None, typer.Argument(help="Only these, each with all its options.")] = None,
    count: Annotated[
        bool, typer.Option("--count", help="Attach each to the first fetched model: what learns, what does not fit.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print all of it as JSON.")] = False,
    as_markdown: Annotated[bool, typer.Option("--markdown", help="Print tables for a page.")] = False,
    file: Annotated[Path, typer.Option("--params", help="The params file whose tasks and models count.")] = Path(
        "params.yaml"
    ),
) -> None:
    """List what methods are made of: tunings, adversarial trainings and regularisers, with papers and options.

    Example: `tuneproof methods`, `tuneproof methods lora fgm`, `tuneproof methods --count --json`
    """
    from tuneproof import catalogue, params

    found = catalogue.entries(names or ())
    declared = None
    if file.is_file():
        try:
            declared = params.load(file)
        except ParamsError as error:  # this list is what helps to mend the file
            print(f"{file} has mistakes, so that its tasks and models do not count: {error.lines[0]}", file=sys.stderr)
    tasks = catalogue.declared_tasks(declared) if declared else list(catalogue.LABELS)
    if declared:
        found = catalogue.fit_tasks(found, tasks)
    if count:
        models = catalogue.fetched(declared) if declared else []
        if not models:
            raise TuneproofError(f"--count: no model of {file} is here; run: snakemake --cores 1 fetch_all")
        found = catalogue.measure(found, models, tasks)
    catalogue.show(found, in_full=bool(names), as_json=as_json, as_markdown=as_markdown)


@app.command()
def prune(
    stages: Annotated[list[str] | None, typer.Argument(help="Stages to look at; all where none is given.")] = None,
    file: Annotated[Path, typer.Option("--params", help="The params file.")] = Path("params.yaml"),
) -> None:
    """Remove results that are not part of the experiment any more (a full run does this by itself).

    Example: `tuneproof prune train search`
    """
    from tuneproof import handover, params, settings

    loaded = params.load(file)
    unknown = sorted(set(stages or ()) - set(handover.DEPTH))
    if unknown:
        raise TuneproofError(f"prune: found {unknown[0]!r}; allowed: {', '.join(handover.DEPTH)}")
    handover.prune(loaded, settings.plan(loaded), stages)


@app.command()
def schema(
    out: Annotated[Path | None, typer.Option(help="File to write; standard output where not given.")] = None,
) -> None:
    """Print the JSON schema of params.yaml for editors.

    Example: `tuneproof schema --out params.schema.json`
    """
    import json

    from tuneproof import files, params

    text = json.dumps(params.schema(), indent=2, ensure_ascii=False) + "\n"
    if out is None:
        print(text, end="")
    else:
        files.write_text(out, text)


@app.command()
def track(
    runs: Annotated[list[Path] | None, typer.Argument(help="Folders of runs; all in results/ if none given.")] = None,
    names: Annotated[str | None, typer.Option("--with", help="tensorboard, dvclive, mlflow, wandb; by commas.")] = None,
    out: Annotated[Path, typer.Option(help="Where trackers write to.")] = Path("tracking"),
) -> None:
    """Show finished runs in trackers; without `--with`, in those that TUNEPROOF_TRACK names.

    Example: `tuneproof track --with tensorboard`, then `tensorboard --logdir tracking/tensorboard`
    """
    from tuneproof import trackers

    wanted = trackers.chosen(names)
    if not wanted:
        raise TuneproofError(f"track: no tracker named; allowed: --with {', '.join(trackers.TRACKERS)}")
    folders = runs or sorted(path.parent for path in Path("results").rglob("train/*/*/*/seed-*/run.json"))
    if not folders:
        raise TuneproofError("track: no run below results/; allowed: folders that hold a run.json")
    for folder in folders:
        trackers.track(folder, wanted, out)
    print(f"{len(folders)} runs written to {', '.join(str(out / name) for name in wanted)}")


@app.command()
def trace(
    metric: Annotated[str, typer.Argument(help="`FILE:NAME`, as in the example.")],
    as_json: Annotated[bool, typer.Option("--json", help="Print the whole chain as JSON.")] = False,
    ro_crate: Annotated[Path | None, typer.Option(help="Write an RO-Crate with all files into this folder.")] = None,
    prov: Annotated[Path | None, typer.Option(help="Write W3C PROV-JSON to this file.")] = None,
) -> None:
    """Show what a number was made of: predictions, checkpoints, settings, data, model, code, machine.

    Example: `tuneproof trace results/report/leaderboard.csv:tweet-ner/lora/entity_f1`
    """
    from tuneproof import files
    from tuneproof.trace import chain, locked, reference, show

    experiment, found = reference.find(metric)
    built = chain.Chain(experiment, locked.hashes(experiment.results))
    root = built.metric(found)
    if ro_crate is not None:
        from tuneproof.trace import crate

        crate.write(built, root, ro_crate)
    if prov is not None:
        from tuneproof.trace import prov as w3c

        w3c.write(built, prov)
    if as_json:
        print(files.json_text(show.as_json(built, root)), end="")
    elif ro_crate is None and prov is None:
        from rich.console import Console

        Console(width=None if sys.stdout.isatty() else show.WIDTH).print(show.as_tree(built, root))


@app.command()
def verify(
    metric: Annotated[str | None, typer.Argument(help="`FILE:NAME`; the whole experiment where not given.")] = None,
    everything: Annotated[bool, typer.Option("--all", help="The whole experiment (the default).")] = False,
    results: Annotated[Path, typer.Option(help="Folder of all results.")] = Path("results"),
    retrain: Annotated[bool, typer.Option("--retrain", help="Fit the metric's runs again; report the drift.")] = False,
    against: Annotated[str | None, typer.Option(help="Compare with a git revision; `A..B`: two of them.")] = None,
    cache: Cache = Path("data"),
) -> None:
    """Check every hash, do cheap stages again, let checkpoints predict again; exit code 1 where something differs.

    Example: `tuneproof verify --all`, `tuneproof verify results/report/leaderboard.csv:tweet-ner/lora/entity_f1`
    """
    from tuneproof.verify import run as verification

    if metric is not None and (everything or against):
        raise TuneproofError("verify: found METRIC with --all or --against; allowed: one of them")
    if retrain and metric is None:
        raise TuneproofError("verify: --retrain needs METRIC, such as results/report/leaderboard.csv:tweet-ner/lora")
    code = verification.report(metric, results, cache, retrain=retrain, against=against)
    raise typer.Exit(code)


@app.command()
def digest(results: Annotated[Path, typer.Argument(help="Folder of all results.")] = Path("results")) -> None:
    """Print the sha256 of every compared artefact: two runs of the same experiment print the same lines.

    Example: `tuneproof digest > a.txt`, run again elsewhere, `tuneproof digest | diff a.txt -`
    """
    from tuneproof import files

    for path in files.compared(results):
        print(f"{files.sha256(path)}  {path.relative_to(results).as_posix()}")


app.command()(show.show)
app.command()(recommend.recommend)
app.command()(label_errors.label_errors)
app.command()(fit.fit)
app.command()(predict.predict)
app.command()(import_results.import_results)


def _named(entries: list[str], *, option: str = "--predictions") -> dict[str, Path]:
    """`NAME=FILE` entries as a mapping."""
    wrong = next((entry for entry in entries if "=" not in entry), None)
    if wrong is not None:
        raise TuneproofError(f"{option}: found {wrong!r}; allowed: NAME=FILE")
    pairs = (entry.split("=", 1) for entry in entries)
    return {name: Path(path) for name, path in pairs}


def _sources(cell: Cell) -> list[str]:
    """Source files that a cell's fits depend on."""
    from tuneproof import code

    return code.of_cell(cell)


def _model_folder(manifest: Path) -> Path:
    from tuneproof import files

    return Path(files.read_json(manifest)["folder"])


def main() -> None:
    """Entry point: hand the job to a warm worker where there is one, else run it here."""
    from tuneproof import worker

    if worker.wanted(sys.argv[1:]):
        raise SystemExit(worker.run_remotely(sys.argv[1:]))
    worker.end_with_owner()
    raise SystemExit(run_here(sys.argv[1:]))


def _printable(line: str) -> str:
    """The line with control characters spelled out: what a data file holds must not steer the terminal."""
    return "".join(char if char.isprintable() else char.encode("unicode_escape").decode() for char in line)


def run_here(arguments: list[str]) -> int:
    """Run one command in this process; returns its exit code. Mistakes of the user's print one line each."""
    logging.basicConfig(level=logging.WARNING, format="%(message)s")
    logging.getLogger("tuneproof").setLevel(logging.INFO)
    try:
        app(arguments, standalone_mode=True, obj=arguments)
    except SystemExit as stop:
        return stop.code if isinstance(stop.code, int) else 1
    except Exception as error:
        if not isinstance(error, TuneproofError):
            error = of_machine(error)
        if os.environ.get("TUNEPROOF_DEBUG"):
            traceback.print_exc()
        lines = error.lines if isinstance(error, ParamsError) else [" ".join(str(error).split())]
        for line in lines:
            print(f"error: {_printable(line)}", file=sys.stderr)
        return error.exit_code
    return 0
