# Reads and checks the experiment, writes the settings files, and lists what the rules need of it.

import atexit
import gc
import os
import shutil
import sys
import time
from contextlib import suppress
from functools import cache
from pathlib import Path

sys.path.insert(0, str(Path(workflow.basedir) / "src"))

from tuneproof import challenge, clock, code, evaluate, experiment, failures, handover, lock, settings, trackers, worker
from tuneproof.errors import TuneproofError
from tuneproof.report import ALSO, FOLDERS

# A plan is made of many small objects that live to the end: looking for garbage among them took a fifth of its time.
gc.set_threshold(100_000, 50, 50)


def leave(error):
    """End Snakemake with the error's lines and exit code."""
    print(*(f"error: {line}" for line in str(error).splitlines()), sep="\n", file=sys.stderr)
    sys.exit(error.exit_code)


# A job on a cluster's node reads this file too: it takes no lock and writes no settings, and a warm worker for it alone
# would cost more than it saves (the process id that it inherits means nothing there).
if workflow.is_main_process:
    worker.serve_this_process()
else:
    os.environ.pop(worker.OWNER, None)

LOCK = Path(".tuneproof/lock")

try:
    lock.ensure_writable(Path.cwd())
    PARAMS = experiment.from_snakemake(config, workflow.configfiles)
    trackers.chosen()  # a missing library is told now, not after the first fit
    WRITES = workflow.is_main_process and lock.is_free(LOCK)
    if WRITES:
        PLAN = settings.write(PARAMS, Path(PARAMS.results))
        clock.age(Path(PARAMS.results))
    else:
        PLAN = settings.plan(PARAMS)  # a run is at work with the settings that are there
except TuneproofError as error:
    leave(error)


STARTED = time.time()


RUN_FILES = ["manifest.json", "predictions.parquet", "history.csv", "run.json", "cost.json", "provenance.json"]
SIZES = ["training_examples.csv"] if any(dataset.family for dataset in PARAMS.datasets.values()) else []
TABLES = ["leaderboard.csv", "learning_curves.csv", "metrics.json", "cost.json", *SIZES]
REPORT_FILES = ["index.html", *TABLES, *ALSO, *FOLDERS]
CELLS = {(cell.dataset, cell.model, cell.method): cell for cell in PLAN.cells}


wildcard_constraints:
    dataset="[a-z0-9-]+",
    model="[a-z0-9-]+",
    method="[a-z0-9-]+",
    augmentation="[a-z0-9-]+",
    ensemble="[a-z0-9-]+",
    seed="[0-9]+",
    worker="[0-9]+",


def cell_of(wildcards):
    """The cell that a job's wildcards name."""
    return CELLS[wildcards.dataset, wildcards.model, wildcards.method]


def train_tokens(wildcards):
    """The tokenized train split of a cell, augmented where its method says so."""
    augmentation = cell_of(wildcards).augmentation
    return f"<results>/tokenize/{wildcards.dataset}/{augmentation}/{wildcards.model}/train.parquet"


def teacher(wildcards):
    """What a cell's teacher answers to the training rows; none where it learns from labels alone."""
    name = cell_of(wildcards).teacher()
    return [] if name is None else f"<results>/teach/{wildcards.dataset}/{wildcards.model}/{name}/train.parquet"


def teaching_runs(wildcards):
    """`method/seed-N` of the runs that teach."""
    return settings.members(PARAMS, PLAN.cells, wildcards.dataset, wildcards.model, wildcards.ensemble)


def teaching_cells(wildcards):
    """The cells of these runs."""
    methods = {run.rpartition("/")[0] for run in teaching_runs(wildcards)}
    return [CELLS[wildcards.dataset, wildcards.model, method] for method in sorted(methods)]


def stage_code(stage, *parts):
    """Listing of the source files of a stage and of the registry entries that it uses."""
    return code.listing(code.of_stage(stage, *parts), write=WRITES)


def task_code(stage):
    """As `stage_code`, for a stage whose jobs use the task of their data set."""
    return lambda wildcards: stage_code(stage, PARAMS.datasets[wildcards.dataset].task)


def cell_code(wildcards):
    """Listing of the source files that a cell's fits depend on: the engine, its task, its tuning, its regularisers."""
    return code.listing(code.of_cell(cell_of(wildcards)), write=WRITES)


def teach_code(wildcards):
    """Listing of the source files of a teacher: its task, and the tunings of its members."""
    tunings = sorted({cell.tuning["name"] for cell in teaching_cells(wildcards)})
    return stage_code("teach", PARAMS.datasets[wildcards.dataset].task, *tunings)


def challenge_code(wildcards):
    """Listing of the source files that a cell's challenge depends on."""
    return code.listing(code.of_challenge(cell_of(wildcards)), write=WRITES)


def search_workers(wildcards):
    """What the jobs leave that search a cell together before its search collects; none where one job does it all."""
    workers = cell_of(wildcards).search.workers
    if workers == 1:
        return []
    cell = f"{wildcards.dataset}/{wildcards.model}/{wildcards.method}"
    return [f"<results>/search/{cell}/.worker-{worker}" for worker in range(workers)]


def gpus(wildcards):
    """GPUs that a fit asks for: one where params name CUDA, or leave the device open and this machine has one."""
    return gpus_of(cell_of(wildcards))


def gpus_of(cell):
    """As `gpus`, of one cell."""
    device = cell.training.device
    return int(device == "cuda" or (device == "auto" and shutil.which("nvidia-smi") is not None))


@cache
def runs_of(dataset, model):
    """(method, seed) of every run on a data set with a model."""
    return [
        (cell.method, seed)
        for cell in PLAN.cells
        if (cell.dataset, cell.model) == (dataset, model)
        for seed in PARAMS.seeds
    ]


@cache
def run_files(dataset, model):
    """`method/seed-N` → predictions of every run on a data set with a model."""
    return {
        f"{method}/seed-{seed}": f"{PARAMS.results}/train/{dataset}/{model}/{method}/seed-{seed}/predictions.parquet"
        for method, seed in runs_of(dataset, model)
    }


def member_files(wildcards):
    """`method/seed-N` → predictions of an ensemble's members."""
    members = settings.members(PARAMS, PLAN.cells, wildcards.dataset, wildcards.model, wildcards.ensemble)
    files = run_files(wildcards.dataset, wildcards.model)
    return {member: files[member] for member in members}


def ensemble_code(wildcards):
    """Listing of the source files of an ensemble: its task, its combination, the tuning of what becomes one model."""
    combination = PARAMS.ensembles[wildcards.ensemble].combine["name"]
    tunings = sorted({cell.tuning["name"] for cell in averaged_cells(wildcards)})
    return stage_code("ensemble", PARAMS.datasets[wildcards.dataset].task, combination, *tunings)


def averaged_cells(wildcards):
    """The cells whose runs become one model in an ensemble: none where it combines answers alone."""
    if not settings.one_model(PARAMS, wildcards.ensemble):
        return []
    methods = {member.rpartition("/")[0] for member in member_files(wildcards)}
    return [CELLS[wildcards.dataset, wildcards.model, method] for method in sorted(methods)]


def averaged_files(wildcards):
    """What such an ensemble reads besides answers: its members' manifests (for their checkpoints), tokens, model."""
    if not averaged_cells(wildcards):
        return []
    tokens = f"<results>/tokenize/{wildcards.dataset}/none/{wildcards.model}"
    manifests = [str(Path(path).with_name("manifest.json")) for path in member_files(wildcards).values()]
    splits = [f"{tokens}/{split}.parquet" for split in ("validation", "test")]
    return [*manifests, *splits, f"<results>/fetch/models/{wildcards.model}.json"]


def averaged_options(wildcards):
    """The options that name them."""
    if not averaged_cells(wildcards):
        return []
    tokens = f"{PARAMS.results}/tokenize/{wildcards.dataset}/none/{wildcards.model}"
    return [f"--tokens {tokens}", f"--model {PARAMS.results}/fetch/models/{wildcards.model}.json"]


def prediction_files(wildcards):
    """Name → predictions of every run and ensemble on a data set with a model."""
    ensembles = {
        f"ensemble:{name}": f"{PARAMS.results}/ensemble/{dataset}/{model}/{name}/predictions.parquet"
        for dataset, model, name in PLAN.ensembles
        if (dataset, model) == (wildcards.dataset, wildcards.model)
    }
    return {**run_files(wildcards.dataset, wildcards.model), **ensembles}


def other_tests(wildcards):
    """Cards and test rows of the data sets that the runs on a data set answer too."""
    planned = {cell.dataset for cell in PLAN.cells} if PARAMS.evaluation.challenge else set()
    return [
        f"<results>/prepare/{other}/{name}"
        for other in PARAMS.datasets[wildcards.dataset].also_test_on
        for name in ("card.json", "test.parquet")
        if other in planned
    ]


def challenged_runs(wildcards):
    """Manifests of the runs that a cell's challenge asks."""
    seeds = PARAMS.evaluation.challenge.seeds or PARAMS.seeds[:1]
    cell = f"<results>/train/{wildcards.dataset}/{wildcards.model}/{wildcards.method}"
    return [f"{cell}/seed-{seed}/manifest.json" for seed in seeds]


def challenge_files(dataset, model):
    """Method → what its challenge wrote, of every method on a data set with a model; none where none is asked for."""
    if PARAMS.evaluation.challenge is None:
        return {}
    return {
        cell.method: [f"{PARAMS.results}/challenge/{dataset}/{model}/{cell.method}/{name}" for name in challenge.FILES]
        for cell in PLAN.cells
        if (cell.dataset, cell.model) == (dataset, model)
    }


def all_challenge_files():
    return [path for pair in PLAN.pairs() for paths in challenge_files(*pair).values() for path in paths]


def as_options(files):
    """`--predictions NAME=FILE` for each."""
    return [f"--predictions {name}={path}" for name, path in files.items()]


def final_files():
    """Every tracked artefact, so that none can be missing without a job being started for it."""
    pairs = PLAN.pairs()
    return [
        *collect("<results>/report/{name}", name=REPORT_FILES),
        *(f"<results>/evaluate/{dataset}/{model}/{name}" for dataset, model in pairs for name in evaluate.FILES),
        *collect("<results>/evaluate/{name}", name=evaluate.ACROSS),
        *(
            f"<results>/ensemble/{dataset}/{model}/{name}/{file}"
            for dataset, model, name in PLAN.ensembles
            for file in ("predictions.parquet", "members.json")
        ),
        *(
            f"<results>/train/{dataset}/{model}/{method}/seed-{seed}/{name}"
            for dataset, model in PLAN.pairs()
            for method, seed in runs_of(dataset, model)
            for name in RUN_FILES
        ),
        *all_challenge_files(),
        *teach_files(),
        *search_files(),
        *tokenize_files(),
        *augment_files(),
        *prepare_files(),
        *fetch_files(),
    ]


def fetch_files():
    return [
        *(f"<results>/fetch/data/{name}.json" for name in dict.fromkeys(c.dataset for c in PLAN.cells)),
        *(f"<results>/fetch/models/{name}.json" for name in dict.fromkeys(c.model for c in PLAN.cells)),
    ]


def prepare_files():
    return [
        f"<results>/prepare/{name}/{file}"
        for name in dict.fromkeys(cell.dataset for cell in PLAN.cells)
        for file in ("train.parquet", "validation.parquet", "test.parquet", "card.json")
    ]


def augment_files():
    return [
        f"<results>/augment/{dataset}/{name}/{file}"
        for dataset, name in PLAN.augmentations()
        for file in ("train.parquet", "card.json")
    ]


def tokenize_files():
    plain = [
        f"<results>/tokenize/{dataset}/none/{model}/{split}.parquet"
        for dataset, model in PLAN.pairs()
        for split in ("train", "validation", "test")
    ]
    augmented = [
        f"<results>/tokenize/{cell.dataset}/{cell.augmentation}/{cell.model}/train.parquet"
        for cell in PLAN.cells
        if cell.augmentation != "none"
    ]
    return [*plain, *dict.fromkeys(augmented)]


def search_files():
    return [
        f"<results>/search/{cell.dataset}/{cell.model}/{cell.method}/{file}"
        for cell in PLAN.cells
        for file in ("best.json", "trials.csv", "cost.json")
    ]


def train_files():
    return [
        f"<results>/train/{dataset}/{model}/{method}/seed-{seed}/manifest.json"
        for dataset, model in PLAN.pairs()
        for method, seed in runs_of(dataset, model)
    ]


def teach_files():
    return [
        f"<results>/teach/{dataset}/{model}/{name}/{file}"
        for dataset, model, name in PLAN.teachers()
        for file in ("train.parquet", "members.json")
    ]


def begin(workflow):
    """Take the lock, before the first job; what DVC knows is not believed any more from here on."""
    try:
        lock.hold(LOCK)
        clock.freshen({str(path) for job in workflow.dag.needrun_jobs() for path in job.input})
    except TuneproofError as error:
        leave(error)
    if not (workflow.configfiles or config):
        handover.forget()


def is_full(workflow):
    """Whether this is a full run of params.yaml; anything less would make DVC's lock file claim too much."""
    chosen = workflow.dag_settings
    part = chosen.targets or chosen.until or chosen.omit_from
    return not (workflow.touch or part or workflow.configfiles or config)


def hand_over(workflow):
    """Tell DVC about a full run."""
    if is_full(workflow):
        handover.prune(PARAMS, PLAN)
        handover.commit()


def catch_up(workflow):
    """The hand-over of a run that was cut off after its last job: Snakemake has no hook where nothing is to be done."""
    nothing_done = workflow.scheduler is not None and not workflow.dryrun and not len(workflow.dag)
    if not nothing_done or workflow.execution_settings.no_hooks or not is_full(workflow) or handover.is_told():
        return
    try:
        lock.hold(LOCK)
    except TuneproofError:
        return  # the run that is at work will tell
    print("The run before did not tell DVC of the results; telling it now.", file=sys.stderr)
    with suppress(KeyboardInterrupt):
        hand_over(workflow)


if workflow.is_main_process:
    atexit.register(catch_up, workflow)


def tell_verdict():
    """The answer, where this run made the report."""
    from tuneproof.recommend import ending

    try:
        for line in ending.lines(Path(PARAMS.results), STARTED):
            print(line, file=sys.stderr)
    except TuneproofError as error:
        print(f"verdict: {error}", file=sys.stderr)


def tell_failures():
    """The reason of each failure once more, at the end, where it is seen."""
    for line in failures.summary(Path("logs") / PARAMS.results, STARTED):
        print(f"failed: {line}", file=sys.stderr)
