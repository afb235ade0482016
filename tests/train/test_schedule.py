import pytest

from tuneproof.train.schedule import factor


@pytest.mark.parametrize("kind", ["linear", "cosine"])
def test_rises_then_falls(kind):
    factors = [factor(step, total_steps=100, warmup_ratio=0.1, kind=kind) for step in range(100)]
    assert factors[:11] == sorted(factors[:11])
    assert factors[10:] == sorted(factors[10:], reverse=True)
    assert factors[10] == 1
    assert min(factors) > 0 and max(factors) == 1


def test_linear_values():
    factors = [factor(step, total_steps=6, warmup_ratio=1 / 3, kind="linear") for step in range(6)]
    assert factors == pytest.approx([1 / 3, 2 / 3, 1, 0.75, 0.5, 0.25])


def test_no_warmup_starts_at_full_rate():
    assert factor(0, total_steps=1, warmup_ratio=0.0, kind="cosine") == 1
