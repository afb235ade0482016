"""Crossed methods: from lists of parts to one named method a combination.

An entry of `methods` with the key `cross` stands for every combination of its parts, but for those that `exclude`
names. A method's name is made of its parts, in one order: tuning, augmentation, adversarial training, regularisers;
what is absent is not named, options follow their part (`lora-rank-16`). Where that would give two combinations of an
entry the same name, the parts' kinds stand in front of them (`full-augment-fgm`).
"""

from __future__ import annotations

import itertools
import math
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from tuneproof import mistakes
from tuneproof.mistakes import Mistake, Mistakes

NONE = "none"
"""Means that a part is absent."""
PARTS = ("tuning", "augment", "adversarial", "regularisers")
LARGEST = 1000
"""Combinations of one entry."""
LONGEST = 64
"""Characters of a name."""


class Combination(NamedTuple):
    """One value of each part, as written; `none` where a part is absent."""

    values: tuple[Any, ...]

    def name(self, *, kinds: bool = False) -> str:
        """Made of the parts that are there; with `kinds`, each but the tuning behind the kind of part that it is."""
        words = []
        for part, value in zip(PARTS, self.values, strict=True):
            if label(value):
                words += [part] if kinds and part != "tuning" else []
                words.append(label(value))
        return "-".join(words)

    def method(self) -> dict[str, Any]:
        """The method, as one would write it alone."""
        tuning, augment, adversarial, regularisers = self.values
        found: dict[str, Any] = {"tuning": tuning}
        if augment != NONE:
            found["augment"] = augment
        if adversarial != NONE:
            found["adversarial"] = adversarial
        if listed(regularisers):
            found["regularisers"] = listed(regularisers)
        return found

    def excluded_by(self, rule: Mapping[str, Any]) -> bool:
        """Whether every part that the rule names is as it says."""
        mine = dict(zip(PARTS, self.values, strict=True))
        return all(_matches(mine[part], wanted) for part, wanted in rule.items())


def expand(entry: str, content: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """Name → method of every combination of a checked entry that is left, the last part varying fastest.

    Raises `Mistakes`, with paths from the entry on: a value twice, a rule that excludes nothing, nothing left, names
    that are too long or alike.
    """
    lists = [tuple(content["cross"].get(part, (NONE,))) for part in PARTS]
    found = [
        Mistake(("cross", part, place), f"{mistakes.shown(value)} stands there twice; allowed: each value once")
        for part, values in zip(PARTS, lists, strict=True)
        for place, value in enumerate(values)
        if value in values[:place]
    ]
    if (count := math.prod(map(len, lists))) > LARGEST:
        found.append(Mistake(("cross",), f"unfolds to {count:,} methods; allowed: at most {LARGEST:,}"))
    if found:
        raise Mistakes(found)
    combinations = [Combination(values) for values in itertools.product(*lists)]
    rules = content.get("exclude", ())
    for place, rule in enumerate(rules):
        if not any(combination.excluded_by(rule) for combination in combinations):
            text = f"found {mistakes.shown(rule)}, which no combination is; allowed: values that `cross` lists"
            raise Mistakes.at("exclude", place, text=text)
    left = [combination for combination in combinations if not any(map(combination.excluded_by, rules))]
    if not left:
        raise Mistakes.at("exclude", text="leaves no combination; allowed: rules that leave at least one")
    shared = {key: value for key, value in content.items() if key not in ("cross", "exclude", "prefix")}
    return {name: {**combination.method(), **shared} for name, combination in _named(content.get("prefix"), left)}


def _named(prefix: str | None, combinations: list[Combination]) -> Iterator[tuple[str, Combination]]:
    count = Counter(combination.name() for combination in combinations)
    names = [combination.name(kinds=count[combination.name()] > 1) for combination in combinations]
    names = [name if prefix is None else f"{prefix}-{name}" for name in names]
    for name in names:
        if len(name) > LONGEST:
            text = f"the name {name} has {len(name)} characters; allowed: {LONGEST}: write this method alone"
            raise Mistakes.at("cross", text=text)
        if names.count(name) > 1:
            text = f"two combinations would be called {name}; allowed: options that differ by letters or digits"
            raise Mistakes.at("cross", text=text)
    yield from zip(names, combinations, strict=True)


def label(value: Any) -> str:
    """A part's value as words of a name: `lora`, `lora-rank-16`, `rdrop-ema`; empty for `none`."""
    if isinstance(value, Mapping):
        options = [f"{key}-{_plain(option)}" for key, option in value.items() if key != "name"]
        return _slug("-".join([str(value["name"]), *options]))
    if isinstance(value, list | tuple):
        return "-".join(map(label, value))
    return "" if value == NONE else _slug(str(value))


def listed(value: Any) -> tuple[Any, ...]:
    """Regularisers of one combination: `none`, one, or several together."""
    if value == NONE:
        return ()
    return tuple(value) if isinstance(value, list | tuple) else (value,)


def _matches(value: Any, wanted: Any) -> bool:
    """A name matches with whatever options; a mapping where all its options are so; several where all of them match."""
    if isinstance(wanted, list | tuple):
        return all(any(_matches(one, want) for one in listed(value)) for want in wanted)
    if isinstance(value, list | tuple):
        return (wanted == NONE and not value) or any(_matches(one, wanted) for one in value)
    have = dict(value) if isinstance(value, Mapping) else {"name": value}
    return all(have.get(key) == option for key, option in _mapping(wanted).items())


def _mapping(value: Any) -> dict[str, Any]:
    return dict(value) if isinstance(value, Mapping) else {"name": value}


def _plain(option: Any) -> str:
    if isinstance(option, list | tuple):
        return "-".join(map(_plain, option))
    if isinstance(option, bool) or option is None:
        return str(option).lower()
    return f"{option:g}".replace("e-0", "e-") if isinstance(option, float) else str(option)


def _slug(text: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")
