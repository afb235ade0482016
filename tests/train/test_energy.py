"""Energy counters as Linux shows them, written into a folder."""

import pytest

from tuneproof.train import energy
from tuneproof.train.energy import Meter


def write(folder, **counters):
    for name, value in counters.items():
        package = folder / name.replace("_", ":").replace("rapl", "intel-rapl")
        package.mkdir(parents=True, exist_ok=True)
        (package / "energy_uj").write_text(f"{value}\n")
        (package / "max_energy_range_uj").write_text("262143328850\n")


def test_packages_are_summed_and_their_parts_are_not_counted_twice(tmp_path):
    write(tmp_path, rapl_0=1_000_000, rapl_1=5_000_000, rapl_0_0=7)
    meter = Meter(tmp_path)
    write(tmp_path, rapl_0=3_500_000, rapl_1=6_000_000, rapl_0_0=9_000_000)
    assert meter.spent().joules == 3.5
    assert "whatever else ran" in meter.spent().note


def test_a_counter_that_starts_again_counts_on(tmp_path):
    write(tmp_path, rapl_0=262_143_328_850 - 1_000_000)
    meter = Meter(tmp_path)
    write(tmp_path, rapl_0=500_000)
    assert meter.spent().joules == 1.5


def test_where_it_is_not_known_a_note_says_why(tmp_path, monkeypatch):
    assert Meter(tmp_path / "none").spent() == (None, "no energy counters on this machine")
    assert Meter(tmp_path).spent() == (None, "no energy counters on this machine")
    write(tmp_path, rapl_0=1)
    meter = Meter(tmp_path)
    meter.started -= 1e6
    assert meter.spent() == (None, "longer than a counter of 262143 J can tell")
    write(tmp_path, rapl_1=1)
    assert meter.spent() == (None, "the counters have changed")
    (tmp_path / "intel-rapl:0" / "energy_uj").write_text("what?")
    assert Meter(tmp_path).spent() == (None, "the energy counters cannot be read")

    def refused(self):
        raise PermissionError(self)

    monkeypatch.setattr(energy.Path, "read_text", refused)
    assert Meter(tmp_path).spent() == (None, "the energy counters may not be read")


@pytest.mark.parametrize("name", ["intel-rapl", "intel-rapl:0:1", "dtpm"])
def test_other_folders_are_no_packages(tmp_path, name):
    (tmp_path / name).mkdir()
    assert Meter(tmp_path).spent().joules is None
