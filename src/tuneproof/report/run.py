"""The report stage: `index.html`, one file that needs no network, and tables for people, DVC and programs.

Reads results below one folder. The page's scripts are allowed by their hashes and nothing else runs: names, labels and
texts out of data are shown, never executed.
"""

from __future__ import annotations

import base64
import hashlib
import json
import math
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tuneproof import files
from tuneproof.report import charts, sizes, tables

if TYPE_CHECKING:
    import jinja2
    import pandas as pd

    from tuneproof.report.tables import Panel, Results


def run(settings: dict[str, Any], results: Path, out: Path) -> None:
    """Write the page, `leaderboard.csv`, `learning_curves.csv`, `metrics.json`; `training_examples.csv` for families.

    `settings` is what `settings.py` writes to report.json. Results that are not there are stated as absent; files that
    cannot be read raise `DataError`.
    """
    found = tables.Results(results)
    panels = tables.panels(settings, found)
    files.write_csv(out / "leaderboard.csv", tables.leaderboard(panels).map(_short))
    files.write_csv(out / "learning_curves.csv", tables.learning_curves(panels).map(_short))
    if any("family" in about for about in settings["datasets"].values()):
        files.write_csv(out / "training_examples.csv", sizes.table(settings, panels).map(_short))
    files.write_json(out / "metrics.json", tables.metrics(settings, found))
    files.write_text(out / "index.html", page(settings, panels, found))


def page(settings: dict[str, Any], panels: list[Panel], results: Results) -> str:
    """The page's HTML."""
    import vl_convert

    templates = _templates()
    colour = charts.colours([*settings["methods"], *dict.fromkeys(name for *_, name in settings["ensembles"])])
    data: dict[str, list[dict[str, Any]]] = {}
    specs: dict[str, dict[str, Any]] = {}
    confidence = settings.get("evaluation", {}).get("confidence", 0.95)
    parts = [
        _part(
            panel,
            f"panel-{place}",
            colour,
            data,
            specs,
            confidence=confidence,
            drawn="family" not in settings["datasets"][panel.dataset],
        )
        for place, panel in enumerate(panels)
    ]
    scripts = [
        # the library's own text must not end the element that holds it
        vl_convert.javascript_bundle("window.vegaEmbed = vegaEmbed;").replace("</script", "<\\/script"),
        templates.get_template("page.js").render(),
    ]
    sections = []
    for name in dict.fromkeys(panel.dataset for panel in panels):
        mine = [part for part in parts if part["panel"].dataset == name]
        turned_out = [entry for part in mine for entry in part["panel"].left_out]
        left_out = [entry for entry in [*settings["left_out"], *turned_out] if entry["dataset"] == name]
        card = results.json("prepare", name, "card.json")
        sections.append({"name": name, "card": card, "parts": mine, "left_out": left_out, **settings["datasets"][name]})
    return templates.get_template("page.html").render(
        settings=settings,
        sections=sections,
        families=sizes.sections(sizes.table(settings, panels), data, specs, colour),
        confidence=confidence,
        many=tables.MANY,
        style=templates.get_template("page.css").render(),
        scripts=scripts,
        policy=_policy(scripts),
        payload=embedded({"data": data, "specs": specs}),
        sources=sorted(results.read.items()),
    )


def embedded(content: Any) -> str:
    """JSON that may stand inside a script element: no character of it can end the element or start a comment."""
    text = json.dumps(content, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    for character in "<>&\u2028\u2029":
        text = text.replace(character, f"\\u{ord(character):04x}")
    return text


def _part(
    panel: Panel,
    key: str,
    colour: dict[str, str],
    data: dict[str, list[dict[str, Any]]],
    specs: dict[str, dict[str, Any]],
    *,
    confidence: float,
    drawn: bool = True,
) -> dict[str, Any]:
    """What the template shows of one panel; adds its tables to `data` and its charts, where wanted, to `specs`."""
    figures: dict[str, list[tuple[str, str]]] = {}
    for kind, frame, draw in (
        ("search", panel.trials, charts.search),
        ("curves", panel.history, charts.curves),
        ("costs", panel.ranked, charts.costs),
    ):
        made = draw(panel, f"{key}-{kind}", colour) if drawn else []
        if made:
            data[f"{key}-{kind}"] = _records(frame)
        figures[kind] = [(f"{key}-{kind}-{place}", chart.title) for place, chart in enumerate(made)]
        specs |= {f"{key}-{kind}-{place}": chart.spec for place, chart in enumerate(made)}
    bars, ticks = charts.bars(panel)
    answer = tables.verdict(panel, confidence=confidence)
    return {
        "key": key,
        "panel": panel,
        "verdict": answer,
        "board": list(zip(tables.rows(panel.board), bars, strict=True)),
        "ticks": ticks,
        "lettered": tables.lettered(panel),
        "places": tables.places(panel),
        "matrix": tables.matrix(panel) if len(panel.ranked) > tables.MANY else [],
        "figures": figures,
        "comparisons": tables.rows(panel.comparisons),
    }


def _records(frame: pd.DataFrame) -> list[dict[str, Any]]:
    """Rows as plain values; what is missing is null."""
    rows: list[dict[str, Any]] = json.loads(frame.to_json(orient="records", double_precision=10))
    return rows


def _policy(scripts: list[str]) -> str:
    """Content security policy: these scripts and no others, no connection, no frame, no form."""
    digests = [base64.b64encode(hashlib.sha256(script.encode()).digest()).decode() for script in scripts]
    allowed = " ".join(f"'sha256-{digest}'" for digest in digests)
    # styles: Vega sets them on its elements; a style runs no code and can load nothing under default-src
    rules = f"default-src 'none'; script-src {allowed}; style-src 'unsafe-inline'; img-src data:"
    return f"{rules}; base-uri 'none'; form-action 'none'"


def _templates() -> jinja2.Environment:
    import jinja2

    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("tuneproof.report"),
        autoescape=jinja2.select_autoescape(["html"]),
        undefined=jinja2.StrictUndefined,
    )
    environment.filters |= {
        "number": tables.number,
        "rate": tables.rate,
        "duration": tables.duration,
        "amount": tables.amount,
        "p_value": tables.p_value,
    }
    return environment


def _short(value: Any) -> Any:
    """Six significant digits, as in the tables that `evaluate` writes."""
    return float(f"{value:.6g}") if isinstance(value, float) and math.isfinite(value) else value
