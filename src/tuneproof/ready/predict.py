"""`tuneproof predict`: texts in (arguments, a file, standard input), answers with confidences out.

The confidence of a class is its softmax probability, and that of an entity the smallest, over its words, of the
probabilities of `B-` and `I-` of its type together; neither was calibrated. Regression answers a number alone.
"""

from __future__ import annotations

import csv
import json
import re
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

from tuneproof.errors import DataError

if TYPE_CHECKING:
    from tuneproof.challenge.predictor import Answers, Predictor

KINDS = (".txt", ".csv", ".jsonl")
ENTITY_COLUMNS = ["row", "text", "type", "entity", "start", "end", "confidence"]
Row = dict[str, Any]
"""An input row: `text`, and where given `text_pair` or (ner) `tokens`."""


def read(path: str) -> list[Row]:
    """Rows of a .txt file (a text a line, empty lines left out), .csv or .jsonl (`text`, `text_pair`, `tokens`).

    `-` is standard input, a text a line. Raises `DataError` naming file and line.
    """
    if path == "-":
        return _lines(sys.stdin)
    place = Path(path)
    if place.suffix not in KINDS:
        raise DataError(f"--file: found {path!r}; allowed: a name that ends in {', '.join(KINDS)}, or -")
    try:
        with place.open(encoding="utf-8-sig", newline="") as file:
            return {".txt": _lines, ".csv": _csv, ".jsonl": _jsonl}[place.suffix](file)
    except FileNotFoundError:
        raise DataError(f"{path}: file not found") from None
    except UnicodeDecodeError as error:
        raise DataError(f"{path}: not UTF-8 (byte {error.start})") from None
    except ValueError as error:
        raise DataError(f"{path}: {error}") from None


def answer(predictor: Predictor, rows: Sequence[Row]) -> list[Row]:
    """For each row its text and: `label` and `confidence` and `probabilities`; `value`; or `entities`.

    An entity has `type`, `text`, `start`, `end` (characters of the text, end exclusive) and `confidence`. Raises
    `DataError` where some rows have a pair and others none.
    """
    if predictor.task.name == "ner":
        return _entities(predictor, rows)
    pairs = {"text_pair" in row for row in rows}
    if len(pairs) > 1:
        raise DataError("text_pair: found in some rows only; allowed: in all or none")
    texts = [(row["text"], row["text_pair"]) if "text_pair" in row else row["text"] for row in rows]
    found = predictor.predict(texts)
    shown: list[Row] = [{key: row[key] for key in ("text", "text_pair") if key in row} for row in rows]
    if found.probabilities is None:
        return [{**row, "value": float(value)} for row, value in zip(shown, found.prediction, strict=True)]
    return [
        {
            **row,
            "label": label,
            "confidence": round(float(values.max()), 6),
            "probabilities": {name: round(float(p), 6) for name, p in zip(predictor.labels, values, strict=True)},
        }
        for row, label, values in zip(shown, found.prediction, found.probabilities, strict=True)
    ]


def words(text: str) -> list[tuple[str, int]]:
    """Words and single marks of a text, each with the character that it starts at."""
    return [(match[0], match.start()) for match in re.finditer(r"\w+(?:['’]\w+)*|[^\w\s]", text)]


def _entities(predictor: Predictor, rows: Sequence[Row]) -> list[Row]:
    placed = [_placed(row) for row in rows]
    asked = [[word for word, _ in row] for row in placed]
    # a text without words has no entities, and the model is not asked about it
    known = [place for place, row in enumerate(asked) if row]
    found = predictor.predict([asked[place] for place in known])
    spans: dict[int, list[Row]] = {}
    for number, place in enumerate(known):
        text = rows[place].get("text") or " ".join(asked[place])
        spans[place] = _spans(predictor.labels, found, number, placed[place], text)
    return [
        {"text": row.get("text") or " ".join(asked[place]), "entities": spans.get(place, [])}
        for place, row in enumerate(rows)
    ]


def _placed(row: Row) -> list[tuple[str, int]]:
    """Words with their first characters; given words are joined by blanks."""
    if "tokens" not in row:
        return words(row["text"])
    found, start = [], 0
    for word in row["tokens"]:
        found.append((word, start))
        start += len(word) + 1
    return found


def _spans(labels: list[str], found: Answers, number: int, placed: list[tuple[str, int]], text: str) -> list[Row]:
    from tuneproof.tasks.ner import entities

    assert found.probabilities is not None
    values = found.probabilities[number]
    told = []
    for kind, first, last in sorted(entities(found.prediction[number]), key=lambda entity: entity[1]):
        columns = [labels.index(f"{prefix}-{kind}") for prefix in "BI"]
        start, end = placed[first][1], placed[last][1] + len(placed[last][0])
        confidence = float(values[first : last + 1, columns].sum(axis=1).min())
        told.append(
            {"type": kind, "text": text[start:end], "start": start, "end": end, "confidence": round(confidence, 6)}
        )
    return told


def columns(answers: Iterable[Row]) -> list[Row]:
    """Flat rows for a CSV file: probabilities a column each, an entity a row (`row` is the text's number from 1).

    What a spreadsheet would take for a formula gets an apostrophe before it.
    """
    flat: list[Row] = []
    for number, entry in enumerate(answers, start=1):
        row: Row = {"row": number, **{key: entry[key] for key in ("text", "text_pair") if key in entry}}
        if "entities" in entry:
            flat += [
                {**row, "type": e["type"], "entity": e["text"], **{k: e[k] for k in ("start", "end", "confidence")}}
                for e in entry["entities"]
            ]
        elif "value" in entry:
            flat.append({**row, "value": entry["value"]})
        else:
            shares = {f"probability {name}": value for name, value in entry["probabilities"].items()}
            flat.append({**row, "label": entry["label"], "confidence": entry["confidence"], **shares})
    return [{key: _harmless(value) for key, value in row.items()} for row in flat]


def _harmless(value: Any) -> Any:
    formula = isinstance(value, str) and value.startswith(("=", "+", "-", "@", "\t", "\r"))
    return f"'{value}" if formula else value


def _lines(file: TextIO) -> list[Row]:
    return [{"text": line.strip()} for line in file if line.strip()]


def _csv(file: TextIO) -> list[Row]:
    reader = csv.DictReader(file, strict=True)
    if "text" not in (reader.fieldnames or ()):
        raise ValueError(f"found columns {', '.join(reader.fieldnames or ()) or 'none'}; allowed: text, text_pair")
    try:
        return [{key: row[key] or "" for key in ("text", "text_pair") if key in row} for row in reader]
    except csv.Error as error:
        raise ValueError(f"line {reader.line_num}: {error}") from None


def _jsonl(file: TextIO) -> list[Row]:
    rows = []
    for number, line in enumerate(file, start=1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
        except ValueError as error:
            raise ValueError(f"line {number}: not JSON ({error})") from None
        if not isinstance(row, dict) or not _is_text(row):
            raise ValueError(f"line {number}: allowed: an object with text (or tokens, a list of words)")
        rows.append({key: row[key] for key in ("text", "text_pair", "tokens") if key in row})
    return rows


def _is_text(row: dict[str, Any]) -> bool:
    tokens = row.get("tokens")
    if tokens is not None:
        return isinstance(tokens, list) and all(isinstance(token, str) for token in tokens)
    return isinstance(row.get("text"), str) and isinstance(row.get("text_pair", ""), str)
