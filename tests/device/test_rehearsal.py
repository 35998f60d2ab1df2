"""All stages for a GPU machine, rehearsed on a CPU at toy size: from the carried folder alone, without a network.

DNACSE_REHEARSE=here takes this project's environment (`make rehearse`). DNACSE_REHEARSE=exact makes one with exactly
that machine's versions, once: it takes 7 GB and some minutes; DEVICE_VENV or ~/.cache/dnacse/device-venv keeps it.
"""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from modeling_dnacse import DnacseModel
from modeling_dnacse.loading.checkpoints import load_checkpoint

ROOT = Path(__file__).parents[2]
STAGES = ["machine", "tests", "embedding", "speed", "arms", "best", "scores"]
HAS_NO_NETWORK = ["unshare", "--net", "--map-root-user", "true"]
WAY = os.environ.get("DNACSE_REHEARSE")


def environment() -> dict[str, str]:
    """Variables that name the environment, which is made if it is not there; skips where it cannot be."""
    if shutil.which("unshare") is None or subprocess.run(HAS_NO_NETWORK, capture_output=True, check=False).returncode:
        pytest.skip("no unshare, which takes the network away")
    if WAY == "here":
        return {"HERE": "yes"}
    venv = Path(os.environ.get("DEVICE_VENV", Path.home() / ".cache/dnacse/device-venv"))
    if not (venv / ".ready").exists():
        python = shutil.which("python3.12")
        if python is None or subprocess.run([python, "-V"], capture_output=True, check=False).returncode:
            pytest.skip("needs Python 3.12, which the GPU machine has")
        if shutil.disk_usage(Path.home()).free < 20 * 2**30:
            pytest.skip("needs 20 GB of disk")
        venv.parent.mkdir(parents=True, exist_ok=True)
        subprocess.run([python, "-m", "venv", "--clear", str(venv)], check=True)
        pip = [str(venv / "bin/python"), "-m", "pip", "install", "--quiet", "-r", str(ROOT / "device/image.txt")]
        done = subprocess.run(
            pip, env=os.environ | {"PIP_CONFIG_FILE": os.devnull}, capture_output=True, text=True, check=False
        )
        if done.returncode:
            pytest.skip(f"the GPU machine's versions cannot be installed here: {done.stderr.strip()[-300:]}")
        (venv / ".ready").touch()
    return {"DEVICE_VENV": str(venv)}


@pytest.mark.skipif(WAY not in ("here", "exact"), reason="`make rehearse` runs it")
@pytest.mark.slow
@pytest.mark.timeout(2400)
def test_all_stages_run_and_their_results_are_collected(tmp_path):
    own = environment() | {"PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
    done = subprocess.run(
        ["bash", str(ROOT / "device/rehearse.sh"), str(tmp_path)],
        env=os.environ | own | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    log = (tmp_path / "log.txt").read_text() if (tmp_path / "log.txt").exists() else ""
    assert done.returncode == 0, done.stderr[-3000:] + log[-6000:]
    results = tmp_path / "collected" / "results"
    stages = [line.split("\t") for line in (results / "stages.tsv").read_text().splitlines()]
    assert [(name, code) for name, code, _ in stages] == [(name, "0") for name in STAGES]
    came_back = [path for path in tmp_path.iterdir() if path.is_file()]
    assert len(came_back) <= 8 and max(path.stat().st_size for path in came_back) <= 16 * 2**20
    arms = json.loads((results / "arms.json").read_text())
    assert all(score["exit_code"] == 0 and score["recall_at_1"] > 0 for score in arms["arms"].values())
    model, _ = load_checkpoint(DnacseModel, str(tmp_path / "collected" / "dnacse-barcode-small"))
    assert model.num_parameters() > 0
    assert {path.name.split(".")[1] for path in results.glob("scores/*.json")} == {
        *("knn", "species_clustering", "few_shot", "open_set")
    }
    assert "| dnacse-barcode-small |" in done.stdout and "Machine: " in done.stdout
