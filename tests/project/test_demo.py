"""demo.sh replaces demo/ in its checkout, and no other folder; the steps themselves are those of the README."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

DEMO = Path(__file__).parents[2] / "demo.sh"
STUB = '#!/bin/sh\n[ "$1" = -c ] || { echo "$@" > "$STEPS"; exit 1; }\n'  # notes the first step, and ends


@pytest.fixture
def demo(tmp_path):
    """Run demo.sh in a checkout and a working folder that both have folders docs and demo: process, first step."""
    for place in ("checkout", "caller"):
        for folder in ("docs", "demo"):
            (tmp_path / place / folder).mkdir(parents=True)
            (tmp_path / place / folder / "kept.md").write_text("mine")
    shutil.copy(DEMO, tmp_path / "checkout")
    stub, steps = tmp_path / "bin" / "python", tmp_path / "step.txt"
    stub.parent.mkdir()
    stub.write_text(STUB)
    stub.chmod(0o755)

    def run(*arguments):
        environment = os.environ | {"PATH": f"{stub.parent}:{os.environ['PATH']}", "STEPS": str(steps)}
        command = ["bash", str(tmp_path / "checkout" / "demo.sh"), *arguments]
        done = subprocess.run(command, cwd=tmp_path / "caller", env=environment, capture_output=True, text=True)
        return done, steps.read_text() if steps.exists() else ""

    return run


def left(folder):
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("kept.md"))


EVERYTHING = ["caller/demo/kept.md", "caller/docs/kept.md", "checkout/demo/kept.md", "checkout/docs/kept.md"]


def test_a_given_folder_that_exists_was_removed(demo, tmp_path):
    for given in ("docs", str(tmp_path / "checkout" / "docs"), "demo", ".", ""):
        done, step = demo(given)
        assert (done.returncode, step, left(tmp_path)) == (2, "", EVERYTHING)
        (said,) = done.stderr.splitlines()
        assert said.endswith("exists, and only demo/ is replaced; give a new folder, or none")


def test_a_relative_folder_is_the_callers(demo, tmp_path):
    (tmp_path / "checkout" / "new").mkdir()
    (tmp_path / "checkout" / "new" / "kept.md").write_text("mine")
    _, step = demo("new")
    assert f"--output {tmp_path / 'caller' / 'new'}/data" in step
    assert left(tmp_path) == [*EVERYTHING, "checkout/new/kept.md"]


def test_without_a_folder_demo_of_the_checkout_is_replaced(demo, tmp_path):
    _, step = demo()
    assert "--output demo/data" in step
    assert left(tmp_path) == [name for name in EVERYTHING if name != "checkout/demo/kept.md"]
