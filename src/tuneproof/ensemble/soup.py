"""The mean of the members' weights: one model, one pass."""

from __future__ import annotations

from pathlib import Path

from tuneproof.ensemble.base import Combination, Combined, Members, Stored, equal


class Soup(Combination):
    """Uniform soup of runs of one method: whole models, adapters or heads, whatever its checkpoints hold.

    The paper averages runs that start from one head and share most of their way. Runs here differ by seed, and so by
    the head that they start from; their mean can lie where neither is good, which the validation score shows. Of
    factors (LoRA's A and B) each is averaged on its own, as the paper's recipe does with all parameters. Members
    whose checkpoints describe different models (drawn projections, AdaLoRA's ranks) have no mean.
    """

    idea = "The mean of the members' weights is one model."
    paper = "Wortsman et al. 2022, arXiv 2203.05482"
    one_model = True

    def combine(self, members: Members) -> Combined:
        from tuneproof.ensemble import checkpoints

        stored = needed(members)
        checkpoints.write_mean([stored.runs[name] / "checkpoint" for name in members.names], stored.out / "checkpoint")
        return soup(members, list(range(len(members.names))), path=[])


def needed(members: Members) -> Stored:
    """Where the checkpoints lie. Raises ValueError where nobody said so: the stage always does."""
    if members.stored is None:
        raise ValueError("a combination that makes one model needs the members' checkpoints")
    return members.stored


def soup(members: Members, kept: list[int], *, path: list[dict[str, object]]) -> Combined:
    """The answers of the model that lies in the ensemble's `checkpoint/`; `kept` are the places of its members."""
    from tuneproof.ensemble import checkpoints
    from tuneproof.train.checkpoint import manifest

    stored = needed(members)
    folder: Path = stored.out / "checkpoint"
    answers = checkpoints.answers(members, folder, tuple(members.answers))
    share = equal(len(kept))[0]
    weights = [share if place in kept else 0.0 for place in range(len(members.names))]
    return Combined(answers, weights, {"path": path, "checkpoint": manifest(folder)})
