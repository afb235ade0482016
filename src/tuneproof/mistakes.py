"""Mistakes in a user's file, one line each: key path, value found, what is allowed, nearest valid name.

Pydantic finds the mistakes. What is allowed is read off the model's JSON schema, so that words and checks agree.
"""

from __future__ import annotations

import difflib
import functools
import json
import re
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple, Self, TypeVar

from pydantic import BaseModel, ValidationError

M = TypeVar("M", bound=BaseModel)
KeyPath = tuple[Any, ...]
Node = dict[str, Any]

PATTERNS = {
    r"^[a-z0-9][a-z0-9-]*$": "a name of lower-case letters, digits and hyphens",
    r"^[0-9a-f]{64}$": "a sha256 of 64 hexadecimal digits",
    r"^[0-9a-f]{40}$": "a commit hash of 40 hexadecimal digits",
    r"^[A-Za-z0-9][A-Za-z0-9._-]*==[A-Za-z0-9.+!-]+$": "a package with its exact version, like name==1.0",
    r"^[A-Za-z0-9][A-Za-z0-9._-]*(/[A-Za-z0-9][A-Za-z0-9._-]*)?$": "a name on the hub, like conll2003 or owner/name",
    r"^[A-Za-z0-9][A-Za-z0-9._-]*$": "a name of letters, digits, dots, hyphens and underscores",
    r"^((https|s3|gs|abfs)://|http://(localhost|127\.0\.0\.1)(:[0-9]+)?/)(:?[^\s?#@{}:])+$": (
        "a URL (https, s3, gs, abfs) without user name, password or query"
    ),
    r"^results(/[a-z0-9-]+)*$": "results, or a folder below it like results/tiny",
}
"""Regular expressions of params, in words."""

SECRET = re.compile(r"""(?<=://)[^\s/@]*@|(?<=\?)[^\s"#]+""")
"""Where a URL has a user name and password, or a query: logs show neither."""

LARGEST = 100_000
"""Values in a file; a few lines of YAML with aliases of aliases would unfold to billions."""


class Mistake(NamedTuple):
    """`path` leads from the checked value to the mistake."""

    path: KeyPath
    text: str

    def __str__(self) -> str:
        path = ".".join(str(part) if re.fullmatch(r"[\w-]+", str(part)) else shown(part) for part in self.path)
        return f"{path}: {self.text}" if path else self.text


class Mistakes(ValueError):
    """What a validator raises that knows better than pydantic where a mistake is, or that finds several."""

    def __init__(self, mistakes: Iterable[Mistake]) -> None:
        self.mistakes = tuple(mistakes)
        super().__init__("; ".join(map(str, self.mistakes)))

    @classmethod
    def at(cls, *path: str | int, text: str) -> Self:
        return cls([Mistake(path, text)])


def check(kind: type[M], content: Any) -> M:
    """The content as a model; no guessing between types ("3" is no number). Raises `Mistakes`."""
    try:
        if _size(content, {}) > LARGEST:
            raise Mistakes.at(text=f"unfolds to more than {LARGEST:,} values; allowed: fewer aliases of aliases")
        content = _tuples(content)
        return kind.model_validate(content, strict=True)
    except RecursionError:
        raise Mistakes.at(text="contains itself or is nested too deeply; allowed: plain lists and mappings") from None
    except ValidationError as error:
        schema = _schema(kind)
        found = [mistake for item in error.errors(include_url=False) for mistake in _read(dict(item), schema, content)]
    # A container is also reported for what is wrong inside, and a value once for each type that it might have had.
    holders = {mistake.path[:end] for mistake in found for end in range(len(mistake.path))}
    raise Mistakes(dict.fromkeys(mistake for mistake in found if mistake.path not in holders))


def allowed(names: Iterable[str], found: Any = None) -> str:
    """Valid names, and the one that may have been meant."""
    names = list(names)
    near = difflib.get_close_matches(found, names, n=1) if isinstance(found, str) else []
    return f"allowed: {', '.join(names) or 'none, there are none'}" + (f"; did you mean {near[0]}?" if near else "")


def allowed_by(kind: type[BaseModel], field: str) -> str:
    """What a field of a model may be, in words."""
    return _words(_schema(kind)["properties"][field])


def unknown(value: Any, names: Iterable[str]) -> str:
    return f"found {shown(value)}; {allowed(names, value)}"


def shown(value: Any) -> str:
    """A value on one line as one would write it in YAML, cut where it is long; of URLs without what may be secret."""
    try:
        text = json.dumps(value, ensure_ascii=False, default=str, skipkeys=True)
    except ValueError:  # contains itself
        text = str(type(value).__name__)
    if "://" in text:
        text = SECRET.sub("…", text)
    text = "".join(char if char.isprintable() else char.encode("unicode_escape").decode() for char in text[:61])
    return text if len(text) <= 60 else text[:57] + "..."


def _size(content: Any, known: dict[int, int]) -> int:
    """How many values there are when every alias is written out; each object is looked at once."""
    if not isinstance(content, dict | list):
        return 1
    if id(content) not in known:
        parts = content.values() if isinstance(content, dict) else content
        known[id(content)] = 1 + sum(_size(part, known) for part in parts)
    return known[id(content)]


def _tuples(content: Any) -> Any:
    """Lists as tuples, which frozen models hold: strict checks tell them apart."""
    if isinstance(content, dict):
        return {key: _tuples(value) for key, value in content.items()}
    return tuple(map(_tuples, content)) if isinstance(content, list) else content


def _read(item: dict[str, Any], schema: Node, content: Any) -> list[Mistake]:
    path = _path(item, content)
    found = f"found {shown(item['input'])}"
    match item["type"]:
        case "value_error":
            error = item["ctx"]["error"]
            if isinstance(error, Mistakes):
                return [Mistake((*path, *mistake.path), mistake.text) for mistake in error.mistakes]
            return [Mistake(path, f"{found}; {error}")]
        case "extra_forbidden":
            keys = _node(schema, path[:-1], content).get("properties", {})
            return [Mistake(path, f"unknown key; {allowed(keys, path[-1])}")]
        case "union_tag_invalid":
            kinds = re.findall(r"'(.+?)'", item["ctx"]["expected_tags"])
            return [Mistake((*path, item["ctx"]["discriminator"].strip("'")), unknown(item["ctx"]["tag"], kinds))]
        case "missing":
            return [Mistake(path, f"missing; allowed: {_words(_node(schema, path, content))}")]
    node = _node(schema, path, content)
    if item["loc"][-1:] == ("[key]",):
        node = _key_node(_node(schema, path[:-1], content))
    if "enum" in node:
        return [Mistake(path, unknown(item["input"], map(str, node["enum"])))]
    return [Mistake(path, f"{found}; allowed: {_words(node)}")]


_ABSENT: Any = object()


def _child(content: Any, part: Any) -> Any:
    if isinstance(content, Mapping):
        return content.get(part, _ABSENT)
    within = isinstance(content, tuple) and isinstance(part, int) and part < len(content)
    return content[part] if within else _ABSENT


def _path(item: dict[str, Any], content: Any) -> KeyPath:
    """Pydantic's location without what is no key of the content: names of union members and the like."""
    path = []
    for part in item["loc"]:
        child = _child(content, part)
        if child is not _ABSENT:
            content = child
        elif item["type"] != "missing" or part != item["loc"][-1]:
            continue
        path.append(part)
    return tuple(path)


# JSON schema


@functools.cache
def _schema(kind: type[BaseModel]) -> Node:
    """The model's schema with definitions put where they are referred to."""
    schema = kind.model_json_schema()
    definitions = schema.pop("$defs", {})

    def inlined(node: Any) -> Any:
        if isinstance(node, list):
            return [inlined(part) for part in node]
        if not isinstance(node, dict):
            return node
        if "$ref" in node:
            return inlined(definitions[node["$ref"].rpartition("/")[2]])
        return {key: inlined(part) for key, part in node.items()}

    return dict(inlined(schema))


def _node(schema: Node, path: KeyPath, content: Any) -> Node:
    """The schema at a path."""
    node = _fitting(schema, content)
    for part in path:
        content = _child(content, part)
        if node.get("type") == "array":
            items = node.get("prefixItems", [])
            node = items[part] if part < len(items) else node.get("items", {})
        else:
            values = [*node.get("patternProperties", {}).values(), node.get("additionalProperties")]
            node = node.get("properties", {}).get(part) or (values[0] if isinstance(values[0], dict) else {})
        node = _fitting(node, content)
    return node


def _fitting(node: Node, content: Any) -> Node:
    """Of several kinds the one that the content is meant to be; the node as it is where that cannot be told."""
    if not isinstance(content, Mapping | tuple):
        return node
    shape = "object" if isinstance(content, Mapping) else "array"
    kinds = [_fitting(kind, content) for kind in _kinds(node)]
    kinds = [kind for kind in kinds if kind.get("type") == shape]
    best = max(kinds, key=lambda kind: _shared(kind, content), default=node)
    return best if len(kinds) == 1 or _shared(best, content) > 0 else node


def _shared(node: Node, content: Any) -> int:
    """How many keys a mapping has in common with the content; -1 where a constant differs (another `kind`)."""
    known = {key: value for key, value in node.get("properties", {}).items() if _child(content, key) is not _ABSENT}
    differs = any(value.get("const", content[key]) != content[key] for key, value in known.items())
    return -1 if differs else len(known)


def _kinds(node: Node) -> list[Node]:
    return list(node.get("anyOf") or node.get("oneOf") or ())


def _key_node(node: Node) -> Node:
    pattern = next(iter(node.get("patternProperties", {})), "")
    return {"type": "string", "pattern": pattern, **node.get("propertyNames", {})}


def _words(node: Node) -> str:
    """What a schema allows, in words."""
    if kinds := _kinds(node):
        return ", or ".join(dict.fromkeys(map(_words, kinds)))
    if "enum" in node:
        return ", ".join(map(str, node["enum"]))
    if "const" in node:
        return str(node["const"])
    match node.get("type"):
        case "string":
            length = f" of at most {node['maxLength']} characters" if "maxLength" in node else ""
            length = " of one character" if node.get("minLength") == node.get("maxLength") == 1 else length
            return PATTERNS.get(node.get("pattern", ""), f"text{length}")
        case "integer":
            return f"a whole number{_limits(node)}"
        case "number":
            return f"a number{_limits(node)}"
        case "boolean":
            return "true or false"
        case "null":
            return "null"
        case "array" if "prefixItems" in node:
            return f"a list of {len(node['prefixItems'])}, each {_words(node['prefixItems'][0])}"
        case "array":
            least = f" of at least {node['minItems']}" if node.get("minItems") else ""
            return f"a list{least}, each {_words(node['items'])}"
        case "object" if "properties" in node:
            return f"a mapping with {_key_words(node)}"
        case "object":
            return "a mapping with at least one entry" if node.get("minProperties") else "a mapping"
    return "something else"


def _key_words(node: Node) -> str:
    properties = node["properties"]
    needed = [f"{key} {properties[key].get('const', '')}".strip() for key in node.get("required") or properties]
    return ", ".join([*needed, "…"] if len(needed) < len(properties) else needed)


def _limits(node: Node) -> str:
    words = {"minimum": "at least", "exclusiveMinimum": "above", "maximum": "at most", "exclusiveMaximum": "below"}
    given = [f"{word} {node[limit]}" for limit, word in words.items() if limit in node]
    return f", {' and '.join(given)}" if given else ""
