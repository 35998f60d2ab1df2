"""MetaBAT2 parts contigs of two compositions and leaves a short one out; without it the package is named."""

import shutil

import numpy as np
import pytest

from benchmarks.methods.load import load_method


@pytest.mark.skipif(shutil.which("metabat2") is None, reason="needs metabat2")
def test_metabat2_parts_compositions_and_leaves_out_the_rest():
    rng = np.random.default_rng(0)
    shares = np.array([[0.35, 0.15, 0.15, 0.35], [0.17, 0.33, 0.33, 0.17]])
    contigs = ["".join(rng.choice(list("ACGT"), 5000, p=shares[row % 2])) for row in range(100)]
    method = load_method("metabat2")
    bins = method.bin([*contigs, "ACGT" * 100])
    one, other = (set(bins[start:100:2].tolist()) - {-1} for start in (0, 1))
    assert len(one) == len(other) == 1 and one != other
    assert (bins[:100] > 0).mean() > 0.8 and bins[100] == -1
    assert len(method.revision) == 64
    assert method.bin([]).size == 0


def test_a_missing_binner_names_its_package(monkeypatch):
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(ValueError, match="Debian package metabat"):
        load_method("metabat2")
