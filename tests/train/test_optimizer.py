"""Groups of parameters and clipping, against torch's own."""

import torch

from tuneproof.train import optimizer


def test_clipping_is_torchs():
    for longest in (0.5, 5.0, 100.0):
        one = [
            torch.nn.Parameter(torch.zeros(3)),
            torch.nn.Parameter(torch.zeros(2, 2)),
            torch.nn.Parameter(torch.ones(1)),
        ]
        for i, parameter in enumerate(one[:2]):
            parameter.grad = torch.full_like(parameter, float(i + 1))
        other = [parameter.detach().clone() for parameter in one]
        for mine, theirs in zip(one, other, strict=True):
            theirs.grad = None if mine.grad is None else mine.grad.clone()
        optimizer.clip(one, longest)
        torch.nn.utils.clip_grad_norm_(other, longest)
        for mine, theirs in zip(one[:2], other[:2], strict=True):
            assert torch.equal(mine.grad, theirs.grad)


def test_groups_by_rate_and_decay():
    parameters = {name: torch.nn.Parameter(torch.ones(2)) for name in ("head", "low", "bias")}
    made = optimizer.make(parameters, {"head", "low"}, {"low": 0.5}, "adamw", 0.1, 0.01)
    found = [(len(group["params"]), group["factor"], group["weight_decay"]) for group in made.param_groups]
    assert found == [(1, 1.0, 0.01), (1, 0.5, 0.01), (1, 1.0, 0.0)]
    assert optimizer.make({}, set(), {}, "sgd", 0.1, 0.0).param_groups[0]["params"] == []
