"""Hash the data that a result depends on by their content; code_fingerprints.py hashes the code."""

import hashlib
import json
from pathlib import Path
from typing import Any

from benchmarks.methods.method import Split
from modeling_dnacse.machine.provenance import sha256_of


def digest(*parts: Any) -> str:
    """SHA-256 of a sequence of texts, numbers, lists and dicts, in hexadecimal.

    >>> digest("a", "bc") == digest("ab", "c")
    False
    """
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()


def split_digest(split: Split) -> str:
    """SHA-256 of the rows of a split: ids, sequences and labels, in their order."""
    labels = {rank: names.tolist() for rank, names in split.labels.items()}
    return digest(split.ids.tolist(), split.sequences, labels)


def folder_digest(folder: Path) -> str:
    """SHA-256 of the files in a folder, by their relative names and contents."""
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return digest([(path.relative_to(folder).as_posix(), sha256_of(path)) for path in files])
