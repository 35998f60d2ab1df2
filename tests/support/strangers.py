"""A released folder as a stranger gets it: another process, another directory, our package not importable."""

import json
import os
import subprocess
import sys
import textwrap

HUB_FILES = {
    *("configuration_dnacse.py", "modeling_dnacse.py", "pipeline_dnacse.py"),
    *("attention.py", "augmentation.py", "kmers.py", "layers.py", "local_offsets.py", "placement.py", "sites.py"),
}
SEQUENCES = ["ACGTTGCAACGT" * 5, "GATTACAGATTACA", "CCGGAATTNNACGT" * 9]


def stranger(code, repository, workdir):
    """Run `code` where `repository` is the folder and `import modeling_dnacse` fails; return what it prints last."""
    blocker = (
        "import sys\n"
        "class Blocker:\n"
        "    def find_spec(self, name, path=None, target=None):\n"
        "        if name.split('.')[0] in ('modeling_dnacse', 'trainer', 'benchmarks'):\n"
        "            raise ModuleNotFoundError(name)\n"
        "sys.meta_path.insert(0, Blocker())\n"
    )
    environment = os.environ | {
        "HF_HUB_OFFLINE": "1",
        "HF_HOME": str(workdir / "hf"),
        "TOKENIZERS_PARALLELISM": "false",
    }
    environment.pop("PYTHONPATH", None)
    done = subprocess.run(
        [sys.executable, "-c", blocker + f"repository = {str(repository)!r}\n" + textwrap.dedent(code)],
        cwd=workdir,
        env=environment,
        capture_output=True,
        text=True,
        stdin=subprocess.DEVNULL,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.strip().splitlines()[-1])
