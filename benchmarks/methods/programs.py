"""Command-line tools: find them on PATH, run them, write FASTA files for them and read their tables."""

import re
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

FEWEST_BASES = 32  # letters A C G T; vsearch's own limit, and megablast needs 28 identical ones in a row


def find_program(name: str, package: str) -> str:
    """Find a program on PATH.

    Raises:
        ValueError: It is not there.
    """
    path = shutil.which(name)
    if path is None:
        raise ValueError(f"no program {name} on PATH, which the baseline needs: install the Debian package {package}.")
    return path


def version(program: str, option: str) -> str:
    """The version that a program states after its own name (vsearch states that of its zlib first).

    Raises:
        RuntimeError: It says none.
    """
    done = subprocess.run([program, option], capture_output=True, text=True)
    name = re.escape(Path(program).name)
    found = re.search(rf"\b{name}:? v?(\d+\.\d+\.\d+\+?)", done.stdout + done.stderr)
    if found is None:
        raise RuntimeError(f"{program} {option} names no version like 2.22.1: check what that program is.")
    return found[1]


def run(command: Sequence[Any]) -> None:
    """Run a program without showing what it prints.

    Raises:
        RuntimeError: It failed; with the last line that it wrote to stderr.
    """
    done = subprocess.run([str(part) for part in command], capture_output=True, text=True)
    if done.returncode:
        reason = (done.stderr.strip().splitlines() or ["no message"])[-1]
        raise RuntimeError(f"{Path(command[0]).name} failed with status {done.returncode}: {reason}")


def write_fasta(path: Path, sequences: Sequence[str], labels: Sequence[str] | None = None) -> bool:
    """Write the sequences that a tool can align, labelled with their rows or as given.

    Sequences with fewer than `FEWEST_BASES` letters A C G T are left out. To vsearch an N equals every base, so a
    sequence of Ns would be identical to all others.

    Returns:
        Whether any sequence was written.
    """
    aligned = [row for row, sequence in enumerate(sequences) if sum(map(sequence.count, "ACGT")) >= FEWEST_BASES]
    with path.open("w") as file:
        file.writelines(f">{labels[row] if labels else row}\n{sequences[row]}\n" for row in aligned)
    return bool(aligned)


def rows(table: Path) -> Iterator[list[str]]:
    """Read the lines of a tab-separated file; a file that does not exist has none."""
    if table.exists():
        with table.open() as lines:
            for line in lines:
                yield line.rstrip("\n").split("\t")
