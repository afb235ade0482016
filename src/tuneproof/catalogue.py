"""What methods are made of: every tuning, adversarial training and regulariser that is registered.

Everything told here is read off the classes themselves, so that a list for the terminal, a page of the documentation
and an editor's schema never differ. Only `measure` needs a model: it attaches every part to it and counts.
"""

from __future__ import annotations

import copy
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from tuneproof import adversarial, files, mistakes, regularisers, tasks, tunings
from tuneproof.errors import TuneproofError

if TYPE_CHECKING:
    from rich.console import RenderableType
    from transformers import PreTrainedModel

    from tuneproof.params import Params

KINDS = {
    "tuning": (tunings.TUNINGS, tunings.get),
    "adversarial": (adversarial.ADVERSARIAL, adversarial.get),
    "regulariser": (regularisers.REGULARISERS, regularisers.get),
}
"""Kind → its registry, and what gets a class out of it."""
TITLES = {
    "tuning": "Tunings: what learns",
    "adversarial": "Adversarial training: at the worst nearby words",
    "regulariser": "Regularisers: cures for over-fitting",
}
LABELS = {"classification": ["negative", "positive"], "regression": ["value"], "ner": ["O", "B-x", "I-x"]}
"""Outputs of the head with which parameters are counted."""
WIDTH = 120
"""Columns where the output is no terminal."""
STEPS = 100
"""Optimizer steps of the fit that a tuning is attached for; no number of parameters depends on them."""


class Misfit(NamedTuple):
    """Why a part does not run on a declared task, or on a declared model for it."""

    task: str
    model: str | None
    reason: str


class Option(NamedTuple):
    """An option of a part, as params take it."""

    name: str
    default: Any
    allowed: str
    description: str


class Entry(NamedTuple):
    """One part that methods can have."""

    name: str
    kind: str
    idea: str
    paper: str
    tasks: tuple[str, ...]
    scale: str | None
    """What the search looks for; None for parts that leave it to the tuning."""
    range: tuple[float, float, float] | None
    """Low and high end of the search, and where it starts."""
    options: tuple[Option, ...]
    learns: int | None = None
    """Parameters that learn on the measured model, the head's among them."""
    misfits: tuple[Misfit, ...] = ()

    def as_json(self) -> dict[str, Any]:
        return {
            **self._asdict(),
            "tasks": list(self.tasks),
            "range": self.range and dict(zip(("low", "high", "first"), self.range, strict=True)),
            "options": [option._asdict() for option in self.options],
            "misfits": [misfit._asdict() for misfit in self.misfits],
        }


class Fetched(NamedTuple):
    """A declared model that `fetch` has put on this machine."""

    name: str
    folder: Path


def entries(wanted: Iterable[str] = ()) -> list[Entry]:
    """All parts, or those named, by kind. Raises `TuneproofError` for a name that is none."""
    found = [_entry(kind, name) for kind, (registry, _) in KINDS.items() for name in sorted(registry)]
    for name in wanted:
        if name not in [entry.name for entry in found]:
            raise TuneproofError(f"methods: {mistakes.unknown(name, [entry.name for entry in found])}")
    return [entry for entry in found if not wanted or entry.name in wanted]


def _entry(kind: str, name: str) -> Entry:
    part: Any = KINDS[kind][1](name)
    tuning = kind == "tuning"
    return Entry(
        name=name,
        kind=kind,
        idea=part.idea,
        paper=part.paper,
        tasks=tuple(part.tasks),
        scale=part.scale if tuning else None,
        range=tuple(part.learning_rates) if tuning else None,
        options=tuple(_options(part)),
    )


def _options(part: Any) -> Iterable[Option]:
    for name, field in part.model_fields.items():
        default = None if field.is_required() else field.get_default(call_default_factory=True)
        yield Option(name, default, mistakes.allowed_by(part, name), field.description or "")


def declared_tasks(params: Params) -> list[str]:
    return list(dict.fromkeys(dataset.task for dataset in params.datasets.values()))


def fetched(params: Params) -> list[Fetched]:
    """The declared models whose files are here."""
    found = []
    for name in params.models:
        manifest = Path(params.results) / "fetch" / "models" / f"{name}.json"
        if manifest.is_file() and (folder := Path(files.read_json(manifest)["folder"])).is_dir():
            found.append(Fetched(name, folder))
    return found


def fit_tasks(found: list[Entry], wanted: list[str]) -> list[Entry]:
    """With a misfit for each wanted task that a part is not for."""
    return [
        entry._replace(
            misfits=tuple(
                Misfit(task, None, f"for {', '.join(entry.tasks)}, not for {task}")
                for task in wanted
                if task not in entry.tasks
            )
        )
        for entry in found
    ]


def measure(found: list[Entry], models: list[Fetched], wanted: list[str]) -> list[Entry]:
    """With the parameters that learn on the first model, and with what does not fit the models, by attaching it.

    Counted is the first of the wanted tasks that the part is for: classification with two classes, regression, or tags
    of one entity type.
    """
    learns: dict[str, int] = {}
    misfits: dict[str, list[Misfit]] = {entry.name: list(entry.misfits) for entry in found}
    for model in models:
        for task in wanted:
            base = _base(model, task)
            for entry in found:
                if task not in entry.tasks:
                    continue
                if (reason := _misfit(entry, base, task)) is not None:
                    misfits[entry.name].append(Misfit(task, model.name, reason))
                elif entry.kind == "tuning" and model == models[0] and entry.name not in learns:
                    learns[entry.name] = _learns(entry, base, task)
    return [e._replace(learns=learns.get(e.name), misfits=tuple(misfits[e.name])) for e in found]


def _base(model: Fetched, task: str) -> PreTrainedModel:
    from tuneproof.train.model import load_base

    return load_base(model.folder, tasks.get(task), LABELS[task], seed=0)


def _misfit(entry: Entry, base: PreTrainedModel, task: str) -> str | None:
    part = KINDS[entry.kind][1](entry.name)()
    reason: str | None = part.skip(tasks.get(task), base) if hasattr(part, "skip") else None
    return reason


def _learns(entry: Entry, base: PreTrainedModel, task: str) -> int:
    part: Any = KINDS[entry.kind][1](entry.name)()
    model = part.attach(copy.deepcopy(base), tasks.get(task), total_steps=STEPS)
    tensors = {name: parameter for name, parameter in model.named_parameters() if parameter.requires_grad}
    return sum(tensor.numel() for tensor in {**tensors, **part.settled(model)}.values())


# shown


def show(found: list[Entry], *, in_full: bool, as_json: bool, as_markdown: bool) -> None:
    """Print the parts: as JSON, as Markdown, or for people; in full with all that is known of each."""
    from rich.console import Console

    if as_json:
        print(files.json_text([entry.as_json() for entry in found]), end="")
        return
    if as_markdown:
        print(markdown(found), end="")
        return
    console = Console(width=None if sys.stdout.isatty() else WIDTH)
    for part in [line for entry in found for line in as_page(entry)] if in_full else as_tables(found):
        console.print(part)


def markdown(found: list[Entry]) -> str:
    """Tables for a page of documentation, one a kind."""
    parts = []
    for kind, title in TITLES.items():
        mine = [entry for entry in found if entry.kind == kind]
        if not mine:
            continue
        columns = ["method", "idea", "tasks", "options (defaults)", "paper"]
        if kind == "tuning":
            columns[2:2] = ["learns", "searched"]
        rows = [[_cell(text) for text in _row(entry, columns)] for entry in mine]
        lines = [f"### {title}", "", _line(columns), _line(["---"] * len(columns)), *map(_line, rows)]
        parts.append("\n".join(lines) + "\n")
    return "\n".join(parts)


def _row(entry: Entry, columns: list[str]) -> list[str]:
    every = len(entry.tasks) == len(tasks.TASKS)
    cells = {
        "method": f"`{entry.name}`",
        "idea": entry.idea,
        "learns": _learned(entry),
        "searched": searched(entry),
        "tasks": "all" if every else ", ".join(entry.tasks),
        "options (defaults)": ", ".join(f"{option.name} {plain(option.default)}" for option in entry.options) or "–",
        "paper": entry.paper,
    }
    return [cells[column] for column in columns]


def _learned(entry: Entry) -> str:
    """How many parameters, or why none: the model that was measured is not for it."""
    if entry.learns is not None:
        return f"{entry.learns:,}"
    reason = next((misfit.reason for misfit in entry.misfits if misfit.model is not None), None)
    return "–" if reason is None else f"– ({reason})"


def _line(cells: list[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


def searched(entry: Entry) -> str:
    """The range of the search, and what it looks for where that is no learning rate."""
    if entry.range is None:
        return "–"
    low, high, _ = entry.range
    what = "" if entry.scale == "learning rate" else f"{entry.scale} "
    return f"{what}{rate(low)} to {rate(high)}"


def rate(value: float) -> str:
    """An end of a range: `3e-4`."""
    return f"{value:g}" if value >= 1 else f"{value:.1e}".replace(".0e", "e").replace("e-0", "e-")


def plain(value: Any) -> str:
    """A default as one would write it in params: `8`, `1e-3`, `true`, `null`."""
    if isinstance(value, float):
        return f"{value:g}".replace("e-0", "e-").replace("e+0", "e")
    if isinstance(value, bool) or value is None:
        return {True: "true", False: "false", None: "null"}[value]
    return ", ".join(map(plain, value)) if isinstance(value, list | tuple) else str(value)


def as_tables(found: list[Entry]) -> Iterable[RenderableType]:
    """A table a kind, for the terminal."""
    from rich.table import Table
    from rich.text import Text

    for kind, title in TITLES.items():
        mine = [entry for entry in found if entry.kind == kind]
        counted = any(entry.learns is not None for entry in mine)
        if not mine:
            continue
        table = Table(title=title, title_justify="left", title_style="bold", expand=True)
        table.add_column("method", style="cyan", no_wrap=True)
        table.add_column("idea and paper", ratio=3)
        if kind == "tuning":
            table.add_column("searched", ratio=1)
        if counted:
            table.add_column("learns", justify="right", no_wrap=True)
        table.add_column("options (defaults)", ratio=1)
        for entry in mine:
            idea = Text(entry.idea).append(f"\n{entry.paper}", style="dim")
            if len(entry.tasks) < len(tasks.TASKS):
                idea.append(f"\nfor {', '.join(entry.tasks)}", style="yellow")
            for misfit in entry.misfits:
                if misfit.model is not None:  # the line above says which tasks it is for
                    idea.append(f"\n{_told(misfit)}", style="red")
            options = "\n".join(f"{option.name} {plain(option.default)}" for option in entry.options)
            row: list[Any] = [entry.name, idea]
            row += [searched(entry)] if kind == "tuning" else []
            row += ["–" if entry.learns is None else f"{entry.learns:,}"] if counted else []
            table.add_row(*row, options or "–")
        yield table


def _told(misfit: Misfit) -> str:
    where = misfit.task if misfit.model is None else f"{misfit.task} with {misfit.model}"
    return f"not on {where}: {misfit.reason}"


def as_page(entry: Entry) -> Iterable[RenderableType]:
    """Everything about one part, for the terminal: how params name it, and what each option does."""
    from rich.table import Table
    from rich.text import Text

    yield Text(entry.name, style="bold cyan").append(f" ({entry.kind})", style="not bold default")
    yield entry.idea
    yield Text(entry.paper, style="dim")
    yield f"tasks: {', '.join(entry.tasks)}"
    if entry.range is not None:
        low, high, first = map(rate, entry.range)
        yield f"search: {entry.scale} from {low} to {high}, first {first}"
    if entry.learns is not None:
        yield f"learns: {entry.learns:,} parameters, the head's among them"
    for misfit in entry.misfits:
        yield Text(_told(misfit), style="yellow")
    if entry.options:
        table = Table("option", "default", "allowed", "what it does")
        for option in entry.options:
            table.add_row(option.name, plain(option.default), option.allowed, option.description)
        yield table
    yield f"in params: {in_params(entry)}"


def in_params(entry: Entry) -> str:
    """A method with this part, as params have it."""
    shown = [option for option in entry.options if type(option.default) in (int, float)][:1]
    options = "".join(f", {option.name}: {plain(option.default)}" for option in shown)
    value = f"{{name: {entry.name}{options}}}" if options else entry.name
    if entry.kind == "tuning":
        return f"my-method: {{tuning: {value}}}"
    if entry.kind == "adversarial":
        return f"my-method: {{tuning: full, adversarial: {value}}}"
    return f"my-method: {{tuning: full, regularisers: [{value}]}}"
