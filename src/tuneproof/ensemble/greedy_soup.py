"""The mean of the weights of those members that make it better."""

from __future__ import annotations

import math
import tempfile
from pathlib import Path
from typing import Any

from tuneproof.ensemble.base import Combination, Combined, Members
from tuneproof.ensemble.soup import needed, soup


class GreedySoup(Combination):
    """Members in the order of their validation scores; each stays in the mean unless the mean's score falls by it.

    Never worse on the validation rows than the best member, on the rows it was chosen on. What `soup` says of seeds
    and of members without a mean holds here too.
    """

    idea = "The mean of the weights of those members that do not lower its validation score."
    paper = "Wortsman et al. 2022, arXiv 2203.05482, recipe 1"
    one_model = True

    def combine(self, members: Members) -> Combined:
        from tuneproof.ensemble import checkpoints

        stored = needed(members)
        folders = [stored.runs[name] / "checkpoint" for name in members.names]
        alone = [-math.inf if value is None else value for value in members.scores()]
        best, *others = sorted(range(len(alone)), key=lambda place: (-alone[place], members.names[place]))
        kept, value = [best], alone[best]
        path: list[dict[str, Any]] = [{"run": members.names[best], "value": value, "kept": True}]
        with tempfile.TemporaryDirectory(prefix="tuneproof-soup-") as scratch:
            for place in others:
                trial = Path(scratch, str(place))
                checkpoints.write_mean([folders[one] for one in (*kept, place)], trial)
                found = members.score(checkpoints.answers(members, trial, ("validation",))["validation"])
                better = found is not None and found >= value
                path.append({"run": members.names[place], "value": found, "kept": better})
                if better:
                    kept, value = [*kept, place], found or value
        checkpoints.write_mean([folders[place] for place in kept], stored.out / "checkpoint")
        return soup(members, kept, path=path)
