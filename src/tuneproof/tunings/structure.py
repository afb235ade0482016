"""Where things are in a pre-trained encoder: its head, and the linear layers that tunings attach to.

Read off the names of modules, so that BERT, RoBERTa, ELECTRA, DistilBERT, DeBERTa, MPNet, ALBERT, ModernBERT and
whatever is named like them work alike. Nothing here changes a value.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from tuneproof.errors import MethodError

if TYPE_CHECKING:
    from torch import nn
    from transformers import PreTrainedModel

ROLES = {
    "query": r"\.(?:query|query_proj|q_lin|q_proj|q)",
    "key": r"\.(?:key|key_proj|k_lin|k_proj|k)",
    "value": r"\.(?:value|value_proj|v_lin|v_proj|v)",
    "query_key_value": r"\.(?:in_proj|Wqkv|query_key_value)",
    "attention_output": r"\.(?:attention\.output\.dense|attention\.dense|out_lin|attn\.o|attn\.Wo|out_proj)",
    "feed_forward_input": r"\.(?:intermediate\.dense|lin1|ffn|mlp\.Wi|fc1)",
    "feed_forward_output": r"(?:(?<!attention)\.output\.dense|\.lin2|\.ffn_output|\.mlp\.Wo|\.fc2)",
}
"""What a linear layer does in a transformer layer → how its name ends, in the families we know."""


def head_modules(model: PreTrainedModel) -> list[str]:
    """Names of the modules on top of the pre-trained body, in the model's order; `MethodError` if there are none."""
    prefix = model.base_model_prefix
    names = [
        name for name, module in model.named_children() if name != prefix and any(True for _ in module.parameters())
    ]
    if not hasattr(model, prefix) or not names:
        raise MethodError(f"{type(model).__name__} has no head apart from its body, so nothing could be frozen")
    return names


def freeze_body(model: PreTrainedModel) -> None:
    """Let the head learn and nothing else: `requires_grad` is true for its parameters alone."""
    heads = set(head_modules(model))
    for name, parameter in model.named_parameters():
        parameter.requires_grad = name.split(".", 1)[0] in heads


def pattern(model: PreTrainedModel, *roles: str) -> str | None:
    """A regular expression for the full names of the linear layers with these roles in the transformer layers.

    None if the model lacks one of the roles. The transformer layers are the modules below a number, as in
    `bert.encoder.layer.0`, which leaves poolers and embedding projections out.
    """
    body = rf"{re.escape(model.base_model_prefix)}\..*\b\d+\b.*"
    if not all(_linears(model, body + ROLES[role]) for role in roles):
        return None
    return body + f"(?:{'|'.join(ROLES[role] for role in roles)})"


def linears(model: PreTrainedModel, *roles: str) -> dict[str, nn.Linear]:
    """The linear layers with any of these roles by full name, in the model's order; empty if a role is missing."""
    found = pattern(model, *roles)
    return {} if found is None else _linears(model, found)


def layer_norms(model: PreTrainedModel) -> dict[str, nn.Module]:
    """The norms (layer or RMS) inside the transformer layers by full name; the embeddings' is none of them."""
    inside = re.compile(rf"{re.escape(model.base_model_prefix)}\..*\b\d+\b.*")
    return {
        name: module
        for name, module in model.named_modules()
        if inside.fullmatch(name) and type(module).__name__.endswith(("LayerNorm", "RMSNorm"))
    }


def depths(model: PreTrainedModel) -> dict[str, int]:
    """How far above the text each parameter lies: 0 embeddings, 1 … n the transformer layers, n + 1 what is on top.

    On top are the head, a pooler and a norm behind the last layer. What all layers share beside their own parameters
    (DeBERTa's and MPNet's relative positions) counts as an embedding. `MethodError` if no layers are found by name.
    """
    body = re.escape(model.base_model_prefix)
    layer = re.compile(rf"{body}\.\D*?\.(\d+)\..*")
    numbers = {name: int(found[1]) + 1 for name, _ in model.named_parameters() if (found := layer.fullmatch(name))}
    if not numbers:
        raise MethodError(f"no layers found by name in {type(model).__name__} ({model.config.model_type})")
    top = max(numbers.values()) + 1
    above = re.compile(rf"(?!{body}\.).*|{body}\.(?:pooler|final_norm)\..*")
    return {name: numbers.get(name, top if above.fullmatch(name) else 0) for name, _ in model.named_parameters()}


def _linears(model: PreTrainedModel, expression: str) -> dict[str, nn.Linear]:
    from torch import nn

    whole = re.compile(expression)
    return {
        name: module
        for name, module in model.named_modules()
        if isinstance(module, nn.Linear) and whole.fullmatch(name)
    }
