"""Species planted as vectors: a sequence is its vector, written out."""

import numpy as np

from benchmarks.methods.method import Split


def decode(sequences: list[str]) -> np.ndarray:
    return np.array([[float(number) for number in sequence.split()] for sequence in sequences], dtype=np.float32)


def plant(seed: int, species: str = "abcdefgh", noise: float = 0.02) -> Split:
    """Species of 10 records each, in 24 dimensions, well apart."""
    rng = np.random.default_rng(seed)
    rows = 10 * len(species)
    vectors = np.repeat(rng.normal(size=(len(species), 24)), 10, axis=0) + noise * rng.normal(size=(rows, 24))
    sequences = [" ".join(map(str, vector)) for vector in vectors]
    return Split(np.arange(rows).astype(str), sequences, {"species": np.repeat(list(species), 10)})
