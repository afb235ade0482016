"""The page's frame: templates, the payload that scripts read, and the policy that lets no other script run."""

from __future__ import annotations

import base64
import hashlib
import json
from typing import TYPE_CHECKING, Any

from tuneproof.report import words
from tuneproof.report.texts import LANGUAGES, Text, catalogue, said

if TYPE_CHECKING:
    import jinja2
    import pandas as pd


def embedded(content: Any) -> str:
    """JSON that may stand inside a script element: no character of it can end the element or start a comment."""
    text = json.dumps(content, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    for character in "<>&\u2028\u2029":
        text = text.replace(character, f"\\u{ord(character):04x}")
    return text


def records(frame: pd.DataFrame) -> list[dict[str, Any]]:
    """Rows as plain values; what is missing is null."""
    found: list[dict[str, Any]] = json.loads(frame.to_json(orient="records", double_precision=10))
    return found


def policy(scripts: list[str]) -> str:
    """Content security policy: these scripts and no others, no connection, no frame, no form."""
    digests = [base64.b64encode(hashlib.sha256(script.encode()).digest()).decode() for script in scripts]
    allowed = " ".join(f"'sha256-{digest}'" for digest in digests)
    # styles: Vega sets them on its elements; a style runs no code and can load nothing under default-src
    rules = f"default-src 'none'; script-src {allowed}; style-src 'unsafe-inline'; img-src data:"
    return f"{rules}; base-uri 'none'; form-action 'none'"


def templates(language: str) -> jinja2.Environment:
    """Templates in which `t(key, …)` is a text in all languages, of which one is seen at a time."""
    import jinja2
    from markupsafe import Markup

    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("tuneproof.report"),
        autoescape=jinja2.select_autoescape(["html"]),
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )

    def translated(key: str, **values: Any) -> Any:
        return both(Text(key, **values))

    def attribute(name: str, key: str, **values: Any) -> Any:
        """An attribute (or the element's text, as `text`) that changes with the language."""
        text = Text(key, **values)
        told = Markup(" ").join(Markup('data-{}="{}"').format(tag, text.say(tag)) for tag in LANGUAGES)
        shown = Markup('{}="{}" ').format(name, text.say(language)) if name != "text" else ""
        return Markup('{}data-told="{}" {}').format(shown, name, told)

    environment.globals |= {
        "t": translated,
        "gap": Markup('<span lang="en"> </span>'),
        "attribute": attribute,
        "in_language": lambda key, **values: Text(key, **values).say(language),
    }
    environment.filters |= {
        "both": both,
        "heading": heading,
        "number": words.number,
        "rate": words.rate,
        "duration": words.duration,
        "amount": words.amount,
        "size": words.size,
        "p_value": words.p_value,
    }
    return environment


def both(value: Any) -> Any:
    """Markup of a text in all languages; the style shows the page's own. What is no text stays as it is."""
    from markupsafe import Markup

    if not isinstance(value, Text):
        return value
    told = {tag: said(value, tag) for tag in LANGUAGES}
    if len(set(told.values())) == 1:
        return str(value)
    return Markup("").join(Markup('<span lang="{}">{}</span>').format(tag, text) for tag, text in told.items())


def heading(column: str) -> str:
    """A column's name on the page: its text, or for measures and shifts the name as it is."""
    known = f"head_{column}" in catalogue("en")
    return Text(f"head_{column}") if known else column.replace("_", " ")


def words_of_scripts() -> dict[str, dict[str, str]]:
    """Texts that scripts say (`js_…`) and titles in charts (`chart_…`), by language."""
    return {
        tag: {key: text for key, text in catalogue(tag).items() if key.startswith(("js_", "chart_"))}
        for tag in LANGUAGES
    }
