"""Check a model before torch is imported: its name in, one sentence about what is wrong with it out."""

import re
from pathlib import Path
from typing import Any

from ..machine.file_names import given_path
from ..machine.json_files import read_object
from .config_values import CONFIG, REMEDY, check_config

SHIPPED = Path(__file__).parents[1] / "dnacse-barcode-mini"  # for COI; the default model
SHIPPED_BARCODES = (SHIPPED, *(SHIPPED.with_name(f"dnacse-barcode-{marker}") for marker in ("12s", "cytb")))
SHIPPED_FOR_GENOMES = Path(__file__).parents[1] / "dnacse-genome-mini"  # the default of `dnacse bin`
ALL_SHIPPED = (*SHIPPED_BARCODES, SHIPPED_FOR_GENOMES)
TOKENIZER, GRAPH = "tokenizer.json", "model.onnx"
WEIGHTS = ("model.safetensors", "model.safetensors.index.json", "pytorch_model.bin", "pytorch_model.bin.index.json")


def shipped_by_name(name: str) -> str:
    """The folder of the shipped model of this name; any other name, and that of a folder here, stays as it is.

    >>> Path(shipped_by_name("dnacse-barcode-12s")).parent == SHIPPED.parent, shipped_by_name("me/model")
    (True, 'me/model')
    """
    folder = SHIPPED.with_name(name) if name in {path.name for path in ALL_SHIPPED} else None
    return name if folder is None or Path(name).exists() else str(folder)


def given_model(model: Any) -> str:
    """The folder or Hub id of the model that a caller in Python gives: one of these, or the name of a shipped model.

    Raises:
        ValueError: it is neither text nor a `Path`.

    >>> given_model("dnacse-barcode-mini") == str(SHIPPED), given_model(Path("a/model"))
    (True, 'a/model')
    """
    return shipped_by_name(given_path(model))


def check_model(name: str | None, with_tokenizer: bool = True) -> None:
    """Check names and JSON of the files in a model's folder; Hub ids are not looked up.

    Args:
        name: Folder or Hub id; None: a shipped model, chosen later.
        with_tokenizer: Whether the folder must hold the tokenizer too.

    Raises:
        ValueError: The folder does not exist or is incomplete, a file in it is not a JSON object, or a value of its
            configuration is not allowed.
    """
    if name is None:
        return
    folder = Path(name)
    if not folder.is_dir():
        if folder.exists():
            raise ValueError(f"{name} is a file, not the folder of a model; {REMEDY}")
        if not is_hub_id(name):
            raise ValueError(f"there is no folder {name}; give the folder of a model or a Hub id OWNER/MODEL")
        return
    for file in (CONFIG, TOKENIZER) if with_tokenizer else (CONFIG,):
        read_object(folder / file, REMEDY)
    if not any((folder / file).exists() for file in (*WEIGHTS, GRAPH)):
        raise ValueError(f"{folder} holds no weights (none of {', '.join((*WEIGHTS, GRAPH))}); {REMEDY}")
    check_config(name)


def is_hub_id(name: str) -> bool:
    """Whether a name could be a Hub id: OWNER/MODEL, or MODEL for some old models.

    >>> is_hub_id("zhihan1996/DNABERT-2-117M"), is_hub_id("./model"), is_hub_id("/data/model"), is_hub_id("a/b/c")
    (True, False, False, False)
    """
    return re.fullmatch(r"(?:[\w][\w.-]*/)?[\w][\w.-]*", name, flags=re.ASCII) is not None
