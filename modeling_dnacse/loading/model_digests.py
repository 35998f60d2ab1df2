"""The name of a model in, what tells it from every other model out."""

import hashlib
from pathlib import Path

from transformers.utils.hub import cached_file

from ..machine.provenance import sha256_of


def model_digest(name: str) -> str:
    """The commit of a Hub model; of a folder, the SHA-256 of what sha256sum prints of its model files."""
    folder = Path(cached_file(name, "tokenizer.json") or name).parent
    if folder.parent.name == "snapshots":
        return f"commit {folder.name}"
    suffixes = (".json", ".safetensors", ".bin", ".onnx", ".data")
    files = sorted(path for path in folder.iterdir() if path.suffix in suffixes)
    return hashlib.sha256("".join(f"{sha256_of(path)}  {path.name}\n" for path in files).encode()).hexdigest()
