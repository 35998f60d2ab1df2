"""The values of a model's config.json, without torch: a file in, one sentence about the first wrong one out.

`change_config` replaces values.
"""

import json
import shutil
from pathlib import Path
from typing import Any

from ..machine.atomic import written_whole
from ..machine.json_files import read_object

CONFIG = "config.json"
REMEDY = "give the folder of a complete model, or write it again"
CHOICES = {
    "model_type": ("dnacse", "bert"),  # the second: DNABERT-2 and DNABERT-S as published
    "pooling": ("mean", "mean_last_two", "cls", "cls_tanh"),
    "return_dict": (True, None),  # without, the model gives tuples, and no `pooler_output`
}
# least and most values of config.json; DnacseConfig checks types and combinations
RANGES = {
    "vocab_size": (1, 2**24),
    "hidden_size": (1, 2**16),
    "num_hidden_layers": (0, 1000),
    "num_attention_heads": (1, 2**16),
    "intermediate_size": (0, 2**20),
    "type_vocab_size": (1, 2**16),
    "projection_size": (1, 2**16),
    "hidden_dropout_prob": (0, 1),
    "attention_probs_dropout_prob": (0, 1),
    "layer_norm_eps": (0, 1),
    "gene_sites": (0, 2**24),
    "site_kmer": (1, 13),
    "site_candidates": (1, 100),
    "site_block": (0, 2**16),
    "site_support": (0, 2**16),
    "site_reach": (0, 500),
    "sites": (0, 2**24),
    "least_share": (0, 2),  # above 1, no sequence is placed
    "least_sites": (0, 2**24),
    "species_similarity": (-1, 1),
    "bin_similarity": (-1, 1),
}


def check_config(name: str) -> None:
    """Check the values of a local configuration, before modules are built from them.

    Args:
        name: a config.json, or the folder of one; a Hub id is not looked up.

    Raises:
        ValueError: one is of another kind, or out of its range.
    """
    path = Path(name, CONFIG) if Path(name).is_dir() else Path(name)
    if not path.is_file():
        return
    config = read_object(path, REMEDY)
    for field, allowed in CHOICES.items():
        value = config.get(field, allowed[0])
        if value not in allowed:
            raise ValueError(f"{path}: {field} is {str(value)[:100]!r}; it must be {' or '.join(map(str, allowed))}")
    for field, (least, most) in RANGES.items():
        value = config.get(field)
        is_number = isinstance(value, int | float) and not isinstance(value, bool)
        if value is not None and not (is_number and least <= value <= most):
            raise ValueError(f"{path}: {field} is {str(value)[:100]}; it must be from {least:,} to {most:,}")
    widths, starts, end = config.get("site_blocks"), config.get("marker_starts"), config.get("gene_sites")
    if isinstance(widths, list) and not all(isinstance(width, int) and width > 0 for width in widths):
        raise ValueError(f"{path}: site_blocks is {widths}; all must be above 0")
    if isinstance(starts, list) and isinstance(end, int):
        numbers = [*(start for start in starts if isinstance(start, int)), end]
        if numbers[0] != 0 or len(numbers) <= len(starts) or numbers != sorted(set(numbers)):
            raise ValueError(f"{path}: marker_starts is {starts}; it must rise from 0 to less than gene_sites, {end}")


def change_config(path: Path, **values: Any) -> None:
    """Replace values of a config.json as it is now; all else stays, the mode of the file, too."""
    with written_whole(path) as hidden:
        config = read_object(path, REMEDY) | values
        hidden.write_text(json.dumps(config, indent=2, sort_keys=True) + "\n", encoding="utf-8")
        shutil.copymode(path, hidden)
