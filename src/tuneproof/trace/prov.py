"""A chain as W3C PROV: files are entities, steps are activities, tuneproof is the agent."""

from __future__ import annotations

import json
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from tuneproof import __version__, files
from tuneproof.errors import TuneproofError
from tuneproof.trace.chain import Chain, File
from tuneproof.trace.steps import steps

if TYPE_CHECKING:
    from prov.model import ProvDocument

NAMESPACE = "urn:tuneproof:"


def write(chain: Chain, path: Path) -> None:
    """Write the chain as PROV-JSON."""
    files.write_text(path, f"{document(chain).serialize(format='json', indent=2)}\n")


def document(chain: Chain) -> ProvDocument:
    try:
        from prov.model import PROV_TYPE, ProvDocument
    except ImportError:
        raise TuneproofError("--prov: prov is not installed; run: pip install 'tuneproof[provenance]'") from None

    found = ProvDocument()
    found.add_namespace("tuneproof", NAMESPACE)
    agent = found.agent("tuneproof:program", {PROV_TYPE: "prov:SoftwareAgent", "tuneproof:version": __version__})
    entities: dict[Path, Any] = {}

    def entity(file: File) -> Any:
        if file.path not in entities:
            attributes = {"prov:label": file.path.as_posix(), "tuneproof:sha256": file.sha256}
            attributes |= {"tuneproof:md5": file.dvc} if file.dvc else {}
            entities[file.path] = found.entity(_name("file", file.path.as_posix()), attributes)
        return entities[file.path]

    for step in steps(chain, chain.experiment.results):
        facts = step.node.facts
        attributes = {"prov:label": step.node.key, "tuneproof:command": facts.get("command") or step.command}
        attributes["tuneproof:facts"] = json.dumps(facts, ensure_ascii=False, default=str)
        if step.code:
            attributes["tuneproof:commit"] = str(step.code.get("commit"))
            attributes["tuneproof:code"] = json.dumps(step.code.get("files"))
        activity = found.activity(
            _name("step", step.node.key), _time(facts.get("started")), _time(facts.get("ended")), attributes
        )
        found.association(activity, agent)
        for file in step.read:
            found.usage(activity, entity(file))
        for file in step.wrote:
            found.generation(entity(file), activity)
    return found


def _name(kind: str, text: str) -> str:
    return f"tuneproof:{kind}/{quote(text, safe='/')}"


def _time(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text)
