"""Labels as a source gives them in, labels by one policy out; and the names by which sources call them.

- A species is a name. It is taken as it stands, with underscores read as blanks.
- A name in open nomenclature (`Genus sp. X1`, `cf.`, `aff.`, `nr.`) is no species, since such names are neither unique
  nor stable. Its genus is kept.
- A genus that is not given is the first word of the species' name.
- A missing label is an empty string; NA, NaN, None and null count as missing.
"""

import re
from collections.abc import Mapping
from typing import TypeVar

Value = TypeVar("Value")

RANKS = ("species", "genus", "family", "order", "class", "phylum")

# The names of columns in exports of BOLD, BIOSCAN and GBIF. Where a table has several of them, the first one counts.
COLUMNS = {
    "id": ("id", "seq_id", "sequence_id", "record_id", "processid", "process_id", "sampleid", "accession"),
    "sequence": ("sequence", "seq", "nucleotides", "nuc", "nucraw", "dna", "dna_barcode", "barcode"),
    "species": ("species", "species_name", "organism"),
    "split": ("split",),
} | {rank: (rank, f"{rank}_name") for rank in RANKS[1:]}

_OPEN_NOMENCLATURE = re.compile(r"\s(sp|spp|cf|aff|nr|gen|indet)(\.|\s|\d|$)", re.IGNORECASE)
_GENUS = re.compile(r"(?:Candidatus )?([A-Z][a-z-]+)\s")
_MISSING = {"", "na", "n/a", "nan", "none", "null"}


def pick_columns(named: Mapping[str, Value]) -> dict[str, Value]:
    """Return under our names what has one of the names in `COLUMNS`.

    >>> pick_columns({"processid": 1, "species_name": 2, "other": 3})
    {'id': 1, 'species': 2}
    """
    found = {key: [named[name] for name in names if name in named] for key, names in COLUMNS.items()}
    return {key: values[0] for key, values in found.items() if values}


def apply_label_policy(given: Mapping[str, str | None]) -> dict[str, str]:
    """Apply the policy of this module to labels as they stand: all six `RANKS`, "" for what is unknown.

    >>> apply_label_policy({"species": "Apis sp. X1", "family": "NA"})["genus"]
    'Apis'
    """
    labels = {rank: given.get(rank) or "" for rank in RANKS}
    labels = {rank: "" if label.lower() in _MISSING else label for rank, label in labels.items()}
    name = labels["species"] = labels["species"].replace("_", " ")
    first_word = _GENUS.match(name)
    if first_word and not labels["genus"]:
        labels["genus"] = first_word[1]
    if _OPEN_NOMENCLATURE.search(name):
        labels["species"] = ""
    return labels
