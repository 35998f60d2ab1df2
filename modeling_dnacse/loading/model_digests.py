"""Hashes that identify a model: its folder or Hub id in, hashes of its files out."""

import hashlib
import json
from pathlib import Path

from transformers.utils.hub import cached_file

from ..machine.json_files import read_object
from ..machine.provenance import sha256_of, sha256_of_all
from .model_folders import CONFIG, GRAPH, REMEDY, TOKENIZER

SUFFIXES = (".json", ".safetensors", ".bin", ".onnx", ".data")  # of a model's files
# entries of a configuration that change no vector
NO_MATTER = (
    *("species_similarity", "species_merges", "bin_similarity", "transformers_version", "_name_or_path", "auto_map"),
    *("architectures", "dtype", "torch_dtype", "custom_pipelines"),
)


def digest_of_release(name: str) -> str:
    """The release of a model: the commit of a Hub model, or a hash of all files of a folder.

    It changes with any file, even with a threshold in config.json. `dnacse embed` stores it with the vectors.
    """
    folder = folder_of(name)
    if folder.parent.name == "snapshots":
        return f"commit {folder.name}"
    return sha256_of_all(sorted(path for path in folder.iterdir() if path.suffix in SUFFIXES))


def digest_of_vectors(name: str) -> str:
    """A hash of everything that determines a model's vectors: configuration, weights and tokenizer; in hexadecimal.

    Models with equal digests give equal vectors. `dnacse index` stores it, so that `identify` can check whether
    an index was made with a model.
    """
    folder = folder_of(name)
    config = read_object(folder / CONFIG, REMEDY)
    matters = {key: value for key, value in sorted(config.items()) if key not in NO_MATTER}
    weights = sorted(folder.glob("*.safetensors")) or sorted(folder.glob("*.bin")) or [folder / GRAPH]
    digest = hashlib.sha256(json.dumps(matters, sort_keys=True).encode())
    for path in [*weights, folder / TOKENIZER]:
        digest.update(bytes.fromhex(sha256_of(path)))
    return digest.hexdigest()


def folder_of(name: str) -> Path:
    """The folder of a model; for a Hub id, the one in the cache of downloads."""
    return Path(name) if Path(name).is_dir() else Path(cached_file(name, CONFIG) or name).parent
