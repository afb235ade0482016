"""A chain as an RO-Crate 1.1 that follows the profile Workflow Run Crate (Leo et al. 2024, PLOS ONE 19:e0309210).

Results of the chain are copied into the crate. Raw data and pre-trained models are not, since their licences may not
allow it: the crate names them by sha256 and origin.
"""

from __future__ import annotations

import io
import json
import mimetypes
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tuneproof import __version__
from tuneproof.errors import TuneproofError
from tuneproof.trace.chain import Chain, File
from tuneproof.trace.steps import steps

if TYPE_CHECKING:
    from rocrate.rocrate import ROCrate

PROFILES = {
    "https://w3id.org/ro/wfrun/process/0.5": ("Process Run Crate", "0.5"),
    "https://w3id.org/ro/wfrun/workflow/0.5": ("Workflow Run Crate", "0.5"),
    "https://w3id.org/workflowhub/workflow-ro-crate/1.0": ("Workflow RO-Crate", "1.0"),
}
CONTEXT = "https://w3id.org/ro/terms/workflow-run/context"
TERMS = {"sha256": "https://schema.org/sha256", "md5": "https://w3id.org/ro/terms/workflow-run#md5"}


def write(chain: Chain, root: str, folder: Path) -> None:
    """Write the crate into `folder`, which is made. Raises `TuneproofError` where it holds something already."""
    if folder.exists() and any(folder.iterdir()):
        raise TuneproofError(f"--ro-crate: found {folder} in use; allowed: a folder that is empty or not there yet")
    _build(chain, root).write(folder)


def _build(chain: Chain, root: str) -> ROCrate:
    try:
        from rocrate.model.contextentity import ContextEntity
        from rocrate.rocrate import ROCrate
    except ImportError:
        raise TuneproofError("--ro-crate: rocrate is not installed; run: pip install 'tuneproof[provenance]'") from None
    workflow = Path("Snakefile")
    if not workflow.is_file():
        raise TuneproofError("--ro-crate: Snakefile not found; allowed: to be called in the project's folder")

    crate = ROCrate(version="1.1")
    crate.metadata.extra_contexts.append(CONTEXT)
    crate.metadata.extra_terms.update(TERMS)
    crate.name = f"Tuneproof: {root}"
    crate.description = "One number with everything that it was made of: data, settings, checkpoints, code, machine."
    crate.license = "Code: see LICENSE. Data and models: as the data cards and manifests in this crate state."
    profiles = [
        crate.add(ContextEntity(crate, url, {"@type": "CreativeWork", "name": name, "version": number}))
        for url, (name, number) in PROFILES.items()
    ]
    crate.root_dataset["conformsTo"] = profiles
    main = crate.add_workflow(
        workflow, "Snakefile", main=True, lang="snakemake", lang_version=version("snakemake"),
        properties={"name": "Tuneproof"},
    )  # fmt: skip
    main["hasPart"] = [crate.add_file(path, path.as_posix()) for path in sorted(Path("workflow").rglob("*.smk"))]
    if Path("LICENSE").is_file():
        crate.add_file("LICENSE", "LICENSE")

    entities: dict[Path, Any] = {}

    def entity(file: File) -> Any:
        if file.path not in entities:
            entities[file.path] = _file(crate, chain, file)
        return entities[file.path]

    inputs: dict[str, Any] = {}
    outputs: list[Any] = []
    top = chain.nodes[root]
    results = (root,) if top.files else top.sources[:1]  # a figure in a step's own file
    applications: dict[str, Any] = {}
    for step in steps(chain, chain.experiment.results):
        if step.command not in applications:
            properties = {"@type": "SoftwareApplication", "name": f"tuneproof {step.command}", "version": __version__}
            applications[step.command] = crate.add(ContextEntity(crate, f"#tuneproof-{step.command}", properties))
        read, wrote = [entity(file) for file in step.read], [entity(file) for file in step.wrote]
        facts = step.node.facts
        about = {"name": step.node.key, "description": json.dumps(facts, ensure_ascii=False, default=str)}
        about |= {key: facts[fact] for key, fact in (("startTime", "started"), ("endTime", "ended")) if facts.get(fact)}
        identifier = "#" + step.node.key.replace(" ", "-")
        action = crate.add_action(applications[step.command], identifier, object=read, result=wrote, properties=about)
        if step.code:
            action["softwareRequirements"] = _code(crate, step.node.name, step.code)
        if step.node.kind in ("raw source", "model"):
            inputs |= {found.id: found for found in wrote}
        if step.node.key in results:
            outputs = wrote
    ends = sorted(str(node.facts["ended"]) for node in chain.nodes.values() if node.facts.get("ended"))
    about = {"name": f"snakemake: {root}", **({"endTime": ends[-1]} if ends else {})}
    crate.add_action(main, "#workflow-run", object=list(inputs.values()), result=outputs, properties=about)
    return crate


def _file(crate: ROCrate, chain: Chain, file: File) -> Any:
    """A file of the results is copied; what lies elsewhere (raw data, models) is described."""
    from rocrate.model.contextentity import ContextEntity

    properties = {
        "name": file.path.name,
        "sha256": file.sha256,
        "contentSize": str(file.path.stat().st_size),
        "encodingFormat": mimetypes.guess_type(file.path.name)[0] or "application/octet-stream",
        **({"md5": file.dvc} if file.dvc else {}),
    }
    if chain.experiment.results in file.path.parents:
        return crate.add_file(file.path, file.path.as_posix(), properties=properties)
    origin = next(
        (n.facts.get("origin") for n in chain.nodes.values() if any(f.path == file.path for f in n.files)), None
    )
    described = {"@type": "CreativeWork", **properties, "isBasedOn": json.dumps(origin)}
    return crate.add(ContextEntity(crate, f"urn:sha-256:{file.sha256}", described))


def _code(crate: ROCrate, name: str, code: dict[str, Any]) -> Any:
    """The source code of a fit: commit, sha256 of each file, and what was not committed."""
    from rocrate.model.contextentity import ContextEntity

    listed = [{"name": file, "sha256": digest} for file, digest in (code.get("files") or {}).items()]
    properties = {
        "@type": "SoftwareSourceCode",
        "name": "tuneproof",
        "version": str(code.get("commit")),
        "description": json.dumps(listed),
    }
    if code.get("diff"):
        diff = crate.add_file(io.StringIO(code["diff"]), f"uncommitted/{name}.diff")
        properties["hasPart"] = diff
    return crate.add(ContextEntity(crate, f"#code-{name}", properties))
