"""Write dvc.yaml: one stage a layer of the Snakemake graph, with the same code files as deps.

Run it after a module was added or an import changed; a test fails while the two doors disagree.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from tuneproof import code

HEADER = """\
# DVC's door to the graph of the Snakefile: `dvc repro` runs each layer by one call of snakemake, which runs only what
# is out of date. `persist` leaves the outs in place for it. Written by scripts/dvc_stages.py.
"""
READS = {
    "fetch": ["datasets", "models"],
    "prepare": ["datasets"],
    "augment": ["datasets", "methods", "augmentations"],
    "tokenize": ["datasets", "models", "methods"],
    "search": ["datasets", "models", "methods", "search", "training", "seeds", "ensembles"],
    "train": ["datasets", "models", "methods", "search", "training", "seeds", "ensembles"],
    "teach": ["datasets", "models", "methods", "seeds", "ensembles"],
    "challenge": ["datasets", "models", "methods", "seeds", "evaluation"],
    "ensemble": ["datasets", "models", "methods", "seeds", "ensembles"],
    "evaluate": ["datasets", "models", "methods", "search", "seeds", "ensembles", "evaluation"],
    "report": [
        "datasets", "models", "methods", "augmentations", "search", "training", "seeds", "ensembles", "evaluation",
        "report",
    ],
}  # fmt: skip
# A method that learns from an ensemble is searched after the ensemble's members were trained. Layers cannot say that
# without a circle: the search's call of snakemake trains and asks those members first, where there is such a method.
NEEDS = {
    "fetch": [],
    "prepare": ["fetch"],
    "augment": ["prepare"],
    "tokenize": ["fetch", "prepare", "augment"],
    "search": ["fetch", "prepare", "tokenize"],
    "train": ["fetch", "prepare", "tokenize", "search"],
    "teach": ["fetch", "prepare", "tokenize", "train"],
    "challenge": ["fetch", "prepare", "train"],
    "ensemble": ["fetch", "prepare", "tokenize", "train"],
    "evaluate": ["prepare", "search", "train", "challenge", "ensemble"],
    "report": ["prepare", "augment", "search", "train", "challenge", "ensemble", "evaluate"],
}


def stages() -> dict[str, Any]:
    """Content of dvc.yaml."""
    found = {}
    for stage, needs in NEEDS.items():
        snakemake = f"snakemake --quiet all --cores all {stage}_all"
        found[stage] = {
            "desc": f"results/{stage}",
            "cmd": snakemake if stage == "report" else f"tuneproof prune {stage} && {snakemake}",
            "deps": [
                *(["datasets"] if stage == "fetch" else []),
                *(f"results/{need}" for need in needs),
                *code.of_all(stage),
                f"workflow/rules/{stage}.smk",
            ],
            "params": READS[stage],
            "outs": [{f"results/{stage}": {"persist": True}}],
        }
    return {
        "stages": found,
        "metrics": ["results/report/metrics.json"],
        "plots": [
            {
                "scores": {
                    "template": "bar_horizontal",
                    "x": "value",
                    "y": {"results/report/leaderboard.csv": "method"},
                }
            },
            {
                "learning curves": {
                    "template": "scatter",
                    "x": "epoch",
                    "y": {"results/report/learning_curves.csv": "validation"},
                }
            },
        ],
    }


def text() -> str:
    return HEADER + yaml.safe_dump(stages(), sort_keys=False, width=120, allow_unicode=True)


if __name__ == "__main__":
    Path("dvc.yaml").write_text(text(), encoding="utf-8")
