"""Write the tables of docs/methods.md: one line each registered part, counted on the model of params.yaml.

Run it after a method was added or changed; a test fails while page and registries disagree.
"""

from __future__ import annotations

from pathlib import Path

from tuneproof import catalogue, params
from tuneproof.fetch import fetch_model

PAGE = Path("docs/methods.md")
BEGIN, END = "<!-- begin: written by scripts/methods_doc.py -->\n", "<!-- end -->"


def page(text: str, tables: str) -> str:
    """The page with these tables between its marks."""
    before, _, rest = text.partition(BEGIN)
    _, _, after = rest.partition(END)
    return f"{before}{BEGIN}\n{tables}\n{END}{after}"


def tables() -> str:
    """All parts; parameters are counted for classification, or the first other task that a tuning is for."""
    declared = params.load(Path("params.yaml"))
    name, model = next(iter(declared.models.items()))
    fetched = catalogue.Fetched(name, Path(fetch_model(model, Path("data"))["folder"]))
    return catalogue.markdown(catalogue.measure(catalogue.entries(), [fetched], ["classification", "ner"]))


if __name__ == "__main__":
    PAGE.write_text(page(PAGE.read_text(encoding="utf-8"), tables()), encoding="utf-8")
