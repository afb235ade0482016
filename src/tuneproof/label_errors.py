"""Suspected label errors by confident learning (Northcutt et al. 2021, JAIR 70, arXiv 1911.00068), with cleanlab.

A logistic regression on a frozen model's mean-pooled features says, for each row, how probable each label is; it was
fitted on the other folds, so no row vouches for its own label. The count of confident disagreements estimates how
many labels of each kind are wrong; so many rows, those with the largest margins, are suspect (prune by noise rate).
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tuneproof import files
from tuneproof.errors import DataError

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

FOLDS = 5
BATCH_SIZE = 32


def run(prepared: Path, model: Path, *, split: str, max_length: int, where: str) -> pd.DataFrame:
    """Suspect rows of a prepared classification data set, as `suspects` gives them; `where` is for messages.

    Raises `DataError` where the task is another one, or nothing was prepared.
    """
    card = files.read_json(prepared / "card.json")
    if card["task"] != "classification":
        raise DataError(f"{where}: found task {card['task']}; allowed: classification")
    frame = files.read_frame(prepared / f"{split}.parquet")
    return suspects(list(frame["id"]), list(frame["label"]), features(frame, model, max_length=max_length), where=where)


def suspects(ids: Sequence[str], labels: Sequence[str], inputs: np.ndarray, *, where: str) -> pd.DataFrame:
    """`id`, `given`, `suggested`, `confidence` (out-of-fold probability of the suggested label, 0 to 1) and
    `given_confidence` of each suspect row, the most suspect first. `inputs` is rows × features.

    Raises `DataError` where a class has one row, or cleanlab is not installed.
    """
    import numpy as np
    import pandas as pd

    try:
        from cleanlab.filter import find_label_issues
    except ImportError:
        raise DataError("label-errors needs cleanlab: pip install 'tuneproof[quality]'") from None
    names, codes = np.unique(np.asarray(labels, dtype=object), return_inverse=True)
    probabilities = _out_of_fold(inputs, codes, names, where)
    how: dict[str, Any] = {"filter_by": "prune_by_noise_rate", "return_indices_ranked_by": "self_confidence"}
    order = find_label_issues(codes, probabilities, **how, n_jobs=1)
    best = probabilities.argmax(axis=1)
    rows = [row for row in order if best[row] != codes[row]]
    return pd.DataFrame(
        {
            "id": [ids[row] for row in rows],
            "given": [labels[row] for row in rows],
            "suggested": [names[best[row]] for row in rows],
            "confidence": [round(float(probabilities[row, best[row]]), 4) for row in rows],
            "given_confidence": [round(float(probabilities[row, codes[row]]), 4) for row in rows],
        }
    )


def _out_of_fold(inputs: np.ndarray, codes: np.ndarray, names: np.ndarray, where: str) -> Any:
    """Rows × classes: probabilities by a model that did not see the row."""
    import numpy as np
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import StratifiedKFold, cross_val_predict
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    counts = np.bincount(codes)
    if len(counts) < 2 or counts.min() < 2:
        raise DataError(
            f"{where}: class {names[counts.argmin()]!r} has {counts.min():,} rows; needed: two classes of two rows each"
        )
    folds = StratifiedKFold(min(FOLDS, int(counts.min())), shuffle=True, random_state=0)
    estimator = make_pipeline(StandardScaler(), LogisticRegression(C=0.1, max_iter=1000))
    return cross_val_predict(estimator, inputs, codes, cv=folds, method="predict_proba")


def features(frame: pd.DataFrame, folder: Path, *, max_length: int) -> np.ndarray:
    """Rows × width: the frozen model's last hidden states, mean over sub-tokens."""
    import numpy as np
    import torch
    from transformers import AutoModel

    from tuneproof.tasks.text import encode_text
    from tuneproof.tokenize import load_tokenizer
    from tuneproof.train.batches import Tokens, by_length

    if not folder.is_dir():
        raise DataError(f"{folder}: folder not found; run `make fetch`")
    encoded = encode_text(load_tokenizer(folder), frame, max_length=max_length)
    arrays = {name: [np.asarray(value) for value in values] for name, values in encoded.items()}
    tokens = Tokens(list(frame["id"]), arrays)
    body: Any = AutoModel.from_pretrained(folder, local_files_only=True, trust_remote_code=False, use_safetensors=True)
    body.eval()
    found = np.zeros((len(tokens), body.config.hidden_size), dtype=np.float32)
    with torch.no_grad():
        for rows in by_length(tokens.lengths, BATCH_SIZE):
            batch = tokens.collate(rows, body.config.pad_token_id or 0, body.device)
            hidden = body(**batch).last_hidden_state
            mask = batch["attention_mask"].unsqueeze(-1).to(hidden.dtype)
            found[rows] = ((hidden * mask).sum(dim=1) / mask.sum(dim=1)).numpy()
    return found
