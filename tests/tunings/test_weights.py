"""learned.safetensors: strict on loading."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import nn

from tuneproof.errors import TuneproofError
from tuneproof.tunings import weights


def model(width: int = 2) -> nn.Sequential:
    layers = nn.Sequential(nn.Linear(3, width), nn.Linear(width, 1))
    layers[0].weight.requires_grad = False
    return layers


def test_only_learned_parameters_are_kept(tmp_path: Path) -> None:
    one, two = model(), model()
    weights.save_learned(one, tmp_path)
    weights.load_learned(two, tmp_path)
    assert set(weights.read(tmp_path / weights.FILE)) == {"0.bias", "1.weight", "1.bias"}
    assert torch.equal(one[1].weight, two[1].weight)
    assert not torch.equal(one[0].weight, two[0].weight)
    assert two[1].weight.requires_grad


def test_other_names_are_refused(tmp_path: Path) -> None:
    saved, wanted = model(), model()
    saved[1].bias.requires_grad = False
    saved[0].weight.requires_grad = True
    before = wanted[1].weight.detach().clone()
    weights.save_learned(saved, tmp_path)
    with pytest.raises(TuneproofError, match=r"missing: 1\.bias; unexpected: 0\.weight"):
        weights.load_learned(wanted, tmp_path)
    assert torch.equal(wanted[1].weight, before)


def test_other_shapes_are_refused(tmp_path: Path) -> None:
    weights.save_learned(model(width=4), tmp_path)
    with pytest.raises(TuneproofError, match=r"of another shape: 0\.bias, 1\.weight"):
        weights.load_learned(model(), tmp_path)
