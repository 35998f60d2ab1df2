"""What a similarity threshold may be for, species or bins, and the limits that go with it."""

from typing import Literal

Purpose = Literal["species", "bins"]

FIELDS: dict[Purpose, str] = {"species": "species_similarity", "bins": "bin_similarity"}  # of a model's config.json
SHORTEST_CONTIG = 2500  # bp; this and the next as DNABERT-S evaluates binning
FEWEST_CONTIGS = 10  # of a bin
WINDOW_TOKENS = 2048  # of a contig: about 10 kb, the longest sequence that DNABERT-S was trained on
