"""A tiny random model's shape, and made families of sequences."""

import numpy as np

TINY = {
    "vocab_size": 96,
    "hidden_size": 48,
    "num_hidden_layers": 3,
    "num_attention_heads": 6,
    "intermediate_size": 64,
    "initializer_range": 0.2,  # at 0.02 a random model hardly tells sequences apart, and equality tests test nothing
}


def random_families(seed: int, species: int = 12, records: int = 4, length: int = 120) -> dict[str, str]:
    """Sequences by header, `r0 species=Genus a`: each species one random sequence, 3 % substituted in each record."""
    rng = np.random.default_rng(seed)
    sequences = {}
    for number in range(species):
        ancestor = rng.choice(list("ACGT"), length)
        for record in range(records):
            mutated = np.where(rng.random(length) < 0.03, rng.choice(list("ACGT"), length), ancestor)
            name = f"r{number}_{record} species=Genus {chr(97 + number)}"
            sequences[name] = "".join(mutated[: length - int(rng.integers(length // 4))])
    return sequences
