"""`index.html`: one file that answers on its first screen, and in whose tabs everything else can be looked up.

Each tab's data are prepared by a module of its own and shown by a template of its own; here they come together.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

from tuneproof.report import (
    across_tab,
    charts,
    dataset_tab,
    latency,
    methods_tab,
    overview,
    pareto,
    run_tab,
    sizes,
    words,
)
from tuneproof.report.embed import embedded, policy, templates, words_of_scripts
from tuneproof.report.origins import origins
from tuneproof.report.overall import overall
from tuneproof.report.texts import LANGUAGES, Text, counted

if TYPE_CHECKING:
    from tuneproof.report.panels import Panel
    from tuneproof.report.results import Results

LISTED = 2000
"""Files that the page lists by name; of more, the rest has one hash together."""

FIRST_ROWS = 40
"""Rows of the leaderboard that are laid out for the first screen; more of them follow when the scripts run."""


def page(settings: dict[str, Any], panels: list[Panel], results: Results, spent: dict[str, Any] | None = None) -> str:
    """The page's HTML; `spent` is what `run_tab.time_spent` found."""
    import vl_convert

    language = settings.get("language", "en")
    confidence = settings.get("evaluation", {}).get("confidence", 0.95)
    environment = templates(language)
    colour = charts.colours([*settings["methods"], *dict.fromkeys(name for *_, name in settings["ensembles"])])
    drawn = charts.Drawn()
    keys = [f"panel-{place}" for place, _ in enumerate(panels)]
    parts = [
        dataset_tab.part(
            panel,
            key,
            colour,
            drawn,
            results,
            confidence=confidence,
            drawn_at_all="family" not in settings["datasets"][panel.dataset],
        )
        for panel, key in zip(panels, keys, strict=True)
    ]
    sections = dataset_tab.sections(settings, parts, results)
    families = sizes.sections(sizes.table(settings, panels), drawn.data, drawn.specs, colour)
    first = [(panel, key) for panel, key in zip(panels, keys, strict=True) if _shown_first(panel, settings)]
    leaders = {(part["panel"].dataset, part["panel"].model): part["verdict"].near for part in parts}
    drawn.specs["pareto"] = pareto.drawing()
    payload = {
        "board": overview.payload([panel for panel, _ in first], [key for _, key in first]),
        "colours": colour,
        "words": words_of_scripts(),
        "results": "results" if results.root.is_absolute() else results.root.as_posix(),
        "models": len(settings["models"]),
    }
    made = {key: origins(panel, results, settings["seeds"]) for panel, key in zip(panels, keys, strict=True)}
    across = across_tab.part(results, colour, drawn)
    script = environment.get_template("js/page.js").render()
    # the library's own text must not end the element that holds it
    library = vl_convert.javascript_bundle("window.vegaEmbed = vegaEmbed;").replace("</script", "<\\/script")
    listed, rest = _sources(results)
    return environment.get_template("page.html").render(
        settings=settings,
        language=language,
        languages=LANGUAGES,
        sections=sections,
        overall=overall([panel for panel, _ in first], results, confidence=confidence),
        board=overview.board([panel for panel, _ in first], leaders, settings["methods"], results),
        measures=pareto.MEASURES,
        latency=latency.told(panel for panel, _ in first),
        families=families,
        across=across,
        methods=methods_tab.part(settings, panels),
        run=run_tab.part(settings, panels, results, spent or {}),
        lead=_lead(settings, len(sections)),
        confidence=confidence,
        many=words.MANY,
        first_rows=FIRST_ROWS,
        style=environment.get_template("page.css").render(),
        library=library,
        script=script,
        policy=policy([library, script]),
        payload=embedded(payload),
        origins=embedded(made),
        tables=[(name, embedded(rows)) for name, rows in drawn.data.items()],
        drawings=embedded({"specs": drawn.specs, "shared": drawn.shared}),
        sources=listed,
        rest=rest,
    )


def _lead(settings: dict[str, Any], datasets: int) -> Text:
    counts = {"methods": len(settings["methods"]), "models": len(settings["models"]), "datasets": datasets}
    counts["fits"] = len(settings["seeds"])
    return Text("lead", **{name: counted(f"count_{name}", count) for name, count in counts.items()})


def _shown_first(panel: Panel, settings: dict[str, Any]) -> bool:
    """Random draws of one data set are told by their family's curve, not one by one."""
    return "family" not in settings["datasets"][panel.dataset]


def _sources(results: Results) -> tuple[list[tuple[str, str]], dict[str, Any] | None]:
    """The files read, with their sha256; behind the first ones, how many more and one sha256 over their lines."""
    found = sorted(results.read.items())
    if len(found) <= LISTED:
        return found, None
    lines = "".join(f"{digest}  {path}\n" for path, digest in found[LISTED:])
    return found[:LISTED], {"count": len(found) - LISTED, "sha256": hashlib.sha256(lines.encode()).hexdigest()}
