"""The members' answers as one array, and back: what combinations that are fitted work on.

A unit is what gets one answer: a row, or for ner a word.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tuneproof.errors import MethodError

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

    from tuneproof.ensemble.base import Columns, Members
    from tuneproof.tasks.base import Task


def inputs(members: Members, split: str) -> np.ndarray:
    """Members × units × labels: probabilities; regression: members × units × 1, the numbers.

    Raises `MethodError` where an answer is NaN: such a member has nothing to give.
    """
    import numpy as np

    found = np.stack([_units(members.task, frame) for frame in members.answers[split]])
    if np.isnan(found).any():
        place = int(np.isnan(found).any(axis=(1, 2)).argmax())
        raise MethodError(f"{members.names[place]} has NaN among its answers")
    return found


def _units(task: Task, frame: pd.DataFrame) -> np.ndarray:
    import numpy as np

    if task.name == "regression":
        return frame["prediction"].to_numpy(float)[:, None]
    if task.name == "ner":
        return np.concatenate([np.stack(list(row)) for row in frame["probabilities"]]).astype(np.float64)
    return np.stack(list(frame["probabilities"])).astype(np.float64)


def sizes(task: Task, frame: pd.DataFrame) -> list[int]:
    """How many units each row has: 1, or its words."""
    return [len(row) for row in frame["prediction"]] if task.name == "ner" else [1] * len(frame)


def targets(members: Members) -> np.ndarray:
    """What is right for each unit of the validation split: the label's place, −1 for one without a probability.

    Regression: the numbers.
    """
    import numpy as np

    gold = members.gold
    if members.task.name == "regression":
        return gold["label"].to_numpy(float)
    index = {label: place for place, label in enumerate(members.labels)}
    named = [tag for tags in gold["tags"] for tag in tags] if members.task.name == "ner" else gold["label"]
    return np.array([index.get(label, -1) for label in named])


def answers(members: Members, split: str, units: np.ndarray) -> Columns:
    """Prediction columns of units × labels, decoded as the task decodes its own models' probabilities."""
    import numpy as np
    import pandas as pd

    if members.task.name == "regression":
        frame = pd.DataFrame({"prediction": units[:, 0]})
    elif members.task.name == "ner":
        ends = np.cumsum(sizes(members.task, members.answers[split][0]))[:-1]
        frame = pd.DataFrame({"probabilities": [list(part) for part in np.split(units, ends)]})
    else:
        frame = pd.DataFrame({"probabilities": list(units)})
    return members.task.combine([frame], [1.0], members.labels)
