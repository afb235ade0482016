"""What published work suggests where nothing was measured yet: a starting point, and no proof for other data.

Each entry says no more than its source's abstract does.
"""

from __future__ import annotations

from typing import Any, NamedTuple


class Finding(NamedTuple):
    """One published result and what it suggests to try."""

    when: str
    tries: tuple[str, ...]
    """Tunings of this project."""
    says: str
    source: str


FINDINGS = (
    Finding(
        "about 8 to 64 labelled texts a class",
        ("setfit",),
        "Contrastive tuning of a sentence encoder and a logistic head reaches what prompt-based and "
        "parameter-efficient few-shot tunings reach, and trains an order of magnitude faster.",
        "Tunstall et al. 2022, arXiv 2209.11055",
    ),
    Finding(
        "few labelled texts (low-resource tasks)",
        ("adapter", "full"),
        "Adapters beat full fine-tuning on low-resource and cross-lingual tasks, and vary less with the learning rate.",
        "He et al. 2021, arXiv 2106.03164",
    ),
    Finding(
        "small to medium training data",
        ("bitfit", "full"),
        "Tuning the biases alone is competitive with full fine-tuning of BERT models.",
        "Ben Zaken et al. 2022, arXiv 2106.10199",
    ),
    Finding(
        "medium to large training data, the score is all that matters",
        ("full",),
        "Under a fair protocol full fine-tuning stays the best; parameter-efficient tunings are competitive where data "
        "are few, and vary over seeds.",
        "Chen et al. 2022, arXiv 2202.07962",
    ),
    Finding(
        "memory is short, or many tasks share one model",
        ("lora", "adapter"),
        "LoRA is on par with full fine-tuning on RoBERTa, DeBERTa, GPT-2 and GPT-3, and adds no latency once merged.",
        "Hu et al. 2021, arXiv 2106.09685",
    ),
    Finding(
        "many tasks, one after another",
        ("adapter",),
        "Adapters come within 0.4 % of full fine-tuning on GLUE and add 3.6 % of parameters a task.",
        "Houlsby et al. 2019, arXiv 1902.00751",
    ),
    Finding(
        "the model is small (well below a billion parameters)",
        ("lora", "full"),
        "Prompt tuning comes up to full fine-tuning only as models grow to billions of parameters: prefer another.",
        "Lester et al. 2021, arXiv 2104.08691",
    ),
    Finding(
        "texts in use will differ from those labelled",
        ("probe", "full"),
        "Full fine-tuning can distort pre-trained features: on ten distribution shifts it was 2 % better than a linear "
        "probe on the same distribution and 7 % worse on the shifted one; probing first, then tuning, was best.",
        "Kumar et al. 2022, arXiv 2202.10054",
    ),
    Finding(
        "whatever the method",
        (),
        "Weight initialisation and data order alone change BERT's scores on small data sets substantially: compare "
        "methods over several seeds.",
        "Dodge et al. 2020, arXiv 2002.06305",
    ),
)

NOTE = "From published work on other data and models; what holds for yours is measured by: snakemake --cores all"


def text() -> str:
    """For the terminal; ends with a line feed."""
    told = []
    for finding in FINDINGS:
        tries = f" → {', '.join(finding.tries)}" if finding.tries else ""
        told.append(f"{finding.when}{tries}\n  {finding.says}\n  {finding.source}\n")
    return "\n".join([*told, NOTE, ""])


def as_json() -> dict[str, Any]:
    return {"note": NOTE, "findings": [finding._asdict() for finding in FINDINGS]}
