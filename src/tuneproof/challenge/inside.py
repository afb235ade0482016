"""What the stage `challenge` finds inside the stored runs of a cell, each a table of its own; labels are not read.

- `attack.parquet`, a row a test row and seed (`attack.py`): `seed`, `id`, `success`, `words`, `words_changed`,
  `queries`, `text`.
- `forgetting.parquet`, a row a seed and measure (`forgetting.py`): `seed`, `measure`, `value`, `note`.
- `attributions.parquet`, a row a word of the explained rows, first seed (`attributions.py`): `seed`, `id`, `column`,
  `place`, `word`, `attribution`, `value`, `output` (what is explained), `remainder` (what the values lack to add up).
- `neighbours.parquet`, of the same rows (`neighbours.py`): `id`, `rank`, `neighbour` (id of a training row), `cosine`.

What was not asked for or is not defined is a table without rows, and `notes` say why.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tuneproof import files, tunings
from tuneproof.augment import wordnet
from tuneproof.challenge import attack, attributions, embed, forgetting, neighbours, shifts
from tuneproof.evaluate.tables import COUNT, NUMBER, TEXT, TRUTH, rounded

if TYPE_CHECKING:
    import numpy as np
    from transformers import PreTrainedModel

    from tuneproof.challenge.predictor import Answers, Predictor, Text

ATTACK = {
    "seed": COUNT, "id": TEXT, "success": TRUTH, "words": COUNT, "words_changed": COUNT, "queries": COUNT, "text": TEXT,
}  # fmt: skip
FORGETTING = {"seed": COUNT, "measure": TEXT, "value": NUMBER, "note": TEXT}
ATTRIBUTIONS = {
    "seed": COUNT, "id": TEXT, "column": TEXT, "place": COUNT, "word": TEXT, "attribution": TEXT,
    **dict.fromkeys(("value", "output", "remainder"), NUMBER),
}  # fmt: skip
NEIGHBOURS = {"id": TEXT, "rank": COUNT, "neighbour": TEXT, "cosine": NUMBER}
TABLES = {"attack": ATTACK, "forgetting": FORGETTING, "attributions": ATTRIBUTIONS, "neighbours": NEIGHBOURS}
OFF = "not asked for"


class Inside:
    """Looks into the runs of one cell, one after the other, and writes what it found."""

    def __init__(
        self,
        settings: dict[str, Any],
        rows: tuple[list[str], list[Text]],
        training: Callable[[int], tuple[list[str], list[Text]]],
        model: Path,
    ) -> None:
        """`settings`: `attack` and `explain` (options), `forgetting` (whether), `seed` (of the rows to attack).

        What is absent or null is not asked for. `rows`: ids and texts of the test rows that may be looked at.
        `training`: gives those of so many training rows. `model`: the pre-trained model's folder.
        """
        self.ids, self.texts = rows
        self.training, self.folder = training, model
        self.attack, self.explain = attack_of(settings), explain_of(settings)
        self.seed = int(settings.get("seed", 0))
        self.forgetting = bool(settings.get("forgetting"))
        self.tables: dict[str, list[dict[str, Any]]] = {name: [] for name in TABLES}
        self.notes: dict[str, str] = {}
        for name, wanted in (("attack", self.attack), ("attributions", self.explain), ("forgetting", self.forgetting)):
            if not wanted:
                self.notes[name] = OFF
        if not self.explain or not self.explain.neighbours:
            self.notes["neighbours"] = OFF

    def look(self, predictor: Predictor, seed: int, run: Path) -> None:
        """Into one run: its predictor, and its folder with the checkpoint."""
        self.predictor = predictor
        if self.attack:
            self._attack(self.attack, seed)
        if self.forgetting:
            self._forgetting(seed)
        if self.explain and not self.tables["attributions"]:
            self._explain(self.explain, seed, by_gradients(run))

    def write(self, out: Path) -> None:
        """Write the tables, also where no run was looked into."""
        import pandas as pd

        for name, columns in TABLES.items():
            rows = self.tables[name]
            typed = {
                column: pd.array([row[column] for row in rows], dtype=kind)  # type: ignore[call-overload]
                for column, kind in columns.items()
            }
            files.write_frame(out / f"{name}.parquet", pd.DataFrame(typed, columns=list(columns)))

    @cached_property
    def _pretrained(self) -> PreTrainedModel:
        return embed.pretrained(self.predictor, self.folder)

    @cached_property
    def _before(self) -> np.ndarray:
        return forgetting.embeddings(self.predictor, self._pretrained)

    def _embed(self, texts: list[Text]) -> np.ndarray:
        return embed.of_texts(self.predictor, self._pretrained, texts)

    def _attack(self, options: attack.Attack, seed: int) -> None:
        task = self.predictor.task.name
        missing = f"not defined: {task}" if task != "classification" else wordnet.unavailable()
        if missing is not None:
            self.notes["attack"] = missing
            return
        net, draw = shifts.thesaurus(), random.Random(f"attack:{self.seed}")
        places = sorted(draw.sample(range(len(self.ids)), min(options.rows, len(self.ids))))
        found = attack.run(
            [_first(self.texts[place]) for place in places],
            lambda changed: self._answer([(places[place], text) for place, text in changed]),
            lambda word: net.synonyms(word, attack.SENSES),
            options,
            self._similar,
        )
        self.tables["attack"] += [
            {"seed": seed, "id": self.ids[place], **one._asdict()} for place, one in zip(places, found, strict=True)
        ]

    def _answer(self, changed: Sequence[tuple[int, str]]) -> np.ndarray:
        import numpy as np

        asked: list[Text] = []
        for place, text in changed:
            whole = self.texts[place]
            asked.append((text, whole[1]) if isinstance(whole, tuple) else text)
        return np.stack(self.predictor.predict(asked).probabilities or [])

    def _similar(self, text: str, others: Sequence[str]) -> np.ndarray:
        embeddings = embed.unit(self._embed([text, *others]))
        return embeddings[1:] @ embeddings[0]

    def _forgetting(self, seed: int) -> None:
        kept = forgetting.compare(self._before, forgetting.embeddings(self.predictor, self.predictor.model))
        self.tables["forgetting"] += [
            {"seed": seed, "measure": name, "value": rounded(getattr(kept, name)), "note": kept.note or None}
            for name in ("cka", "similarity")
        ]

    def _explain(self, options: attributions.Explain, seed: int, gradients: bool) -> None:
        answers: Answers = self.predictor.predict(self.texts)
        places = attributions.chosen(answers, options.rows)
        if not gradients:
            self.notes["attributions"] = "leave-one-out alone: nothing was learned by gradients"
        for place in places:
            found = attributions.run(self.predictor, self.texts[place], steps=options.steps, gradients=gradients)
            about = {"seed": seed, "id": self.ids[place], "output": rounded(found.output)}
            for name, values in found.values.items():
                remainder = rounded(found.remainder) if name == attributions.INTEGRATED_GRADIENTS else None
                self.tables["attributions"] += [
                    {**about, **word._asdict(), "attribution": name, "value": rounded(value), "remainder": remainder}
                    for word, value in zip(found.words, values, strict=True)
                ]
        if options.neighbours and places:
            ids, texts = self.training(options.training_rows)
            embedded = self._embed([self.texts[place] for place in places]), self._embed(texts)
            self.tables["neighbours"] += [
                {
                    "id": self.ids[places[one.row]],
                    "rank": one.rank,
                    "neighbour": ids[one.neighbour],
                    "cosine": rounded(one.cosine),
                }
                for one in neighbours.nearest(*embedded, options.neighbours)
            ]


def attack_of(settings: dict[str, Any]) -> attack.Attack | None:
    """The attack that settings ask for."""
    asked = settings.get("attack")
    return None if asked is None else attack.Attack.model_validate(asked)


def explain_of(settings: dict[str, Any]) -> attributions.Explain | None:
    """What settings ask to be explained."""
    asked = settings.get("explain")
    return None if asked is None else attributions.Explain.model_validate(asked)


def by_gradients(run: Path) -> bool:
    """Whether what a run's checkpoint holds was learned by gradients."""
    tuning = files.read_json(run / "checkpoint" / "tuneproof.json")["tuning"]["name"]
    return tunings.get(tuning).by_gradient


def _first(text: Text) -> str:
    return text[0] if isinstance(text, tuple) else str(text)
