"""The files of an index: its description is read and checked, and it is fetched from the Hub. Without torch."""

import hashlib
import zlib
from pathlib import Path
from typing import Any

from ...loading.model_folders import is_hub_id
from ...machine.json_files import read_object
from ...reading.formats import COMPRESSIONS, FASTA_SUFFIXES
from ...reading.tables import DELIMITERS

DESCRIPTION, REFERENCES = "index.json", "references.parquet"
ENCODED, CALIBRATIONS = "encoded.safetensors", "calibrations.safetensors"
CELLS = "cells.safetensors"  # the inverted file of a large library
FILES = (REFERENCES, ENCODED, CALIBRATIONS)
FORMAT, VERSION = "dnacse index", 3
LARGE_FILE = 2**28  # bytes
REMEDY = "make it again with dnacse index, or fetch it again"
_KEYS = {
    "model": str,
    "fingerprint": str,
    "options": dict,
    "sources": list,
    "references": int,
    "calibrations": list,
    "files": dict,
}
_SUFFIXES = (*FASTA_SUFFIXES, *DELIMITERS, *COMPRESSIONS, ".parquet", ".qza")


def read_description(folder: Path) -> dict[str, Any]:
    """Read the description of an index, and check that all of its files are there.

    Raises:
        ValueError: the folder holds no index, one of a newer version, or not all of it.
    """
    if not (folder / DESCRIPTION).is_file():
        raise ValueError(
            f"{folder} is no index, as it holds no {DESCRIPTION}; give a file, or what dnacse index wrote"
        )
    description = read_object(folder / DESCRIPTION, REMEDY)
    if description.get("format") != FORMAT:
        raise ValueError(f"{folder / DESCRIPTION} is not of a {FORMAT}; give what dnacse index wrote")
    if description.get("version") != VERSION:
        raise ValueError(
            f"{folder} is an index of version {description.get('version')}, and this dnacse reads {VERSION}; make it "
            "again"
        )
    for key, kind in _KEYS.items():
        if not isinstance(description.get(key), kind):
            raise ValueError(f"{folder / DESCRIPTION}: {key} is missing or no {kind.__name__}; {REMEDY}")
    if set(description["files"]) - {CELLS} != set(FILES):
        raise ValueError(f"{folder / DESCRIPTION} lists other files than an index has; {REMEDY}")
    for name in description["files"]:
        if not (folder / name).is_file():
            raise ValueError(f"{folder} lacks {name}; {REMEDY}")
    return description


def digest_of(path: Path) -> str:
    """A hash that shows damage of a file: SHA-256, or CRC-32 above `LARGE_FILE`, so that it opens in seconds."""
    with path.open("rb") as file:
        if path.stat().st_size <= LARGE_FILE:
            return hashlib.file_digest(file, "sha256").hexdigest()
        value = 0
        while block := file.read(2**20):
            value = zlib.crc32(block, value)
        return f"crc32 {value:08x}"


def is_on_hub(name: str) -> bool:
    """Whether a library is named by its repository on the Hub: OWNER/NAME, and no local file has this name.

    >>> is_on_hub("bold/coi-2026"), is_on_hub("data/library.fasta"), is_on_hub("library")
    (True, False, False)
    """
    has_suffix = name.lower().endswith(_SUFFIXES)
    return name.count("/") == 1 and is_hub_id(name) and not has_suffix and not Path(name).exists()


def hub_index(name: str, revision: str | None) -> Path:
    """Fetch an index from the Hub, or find it in the cache of downloads; return its folder.

    Args:
        name: OWNER/NAME of the repository.
        revision: Branch, tag or commit; None: the newest.

    Raises:
        ValueError: there is no such repository or revision, or the Hub cannot be asked.
    """
    from huggingface_hub import hf_hub_download

    from ...loading.hub_reasons import why_not_found

    def fetch(file: str) -> Path:
        try:
            return Path(hf_hub_download(name, file, revision=revision))
        except Exception as error:
            said = why_not_found(error, "library", file)
            raise ValueError(f"there is no file or folder {name} here, and {said}, or give a file") from None

    description = fetch(DESCRIPTION)
    files = read_object(description, REMEDY).get("files")
    for file in (*FILES, *([CELLS] if isinstance(files, dict) and CELLS in files else [])):
        fetch(file)
    return description.parent
