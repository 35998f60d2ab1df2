"""A simulated marker: one gene, genera and species that diverged by substitutions, whole genes and pieces of them."""

from pathlib import Path

import numpy as np

GENE = 400  # bp
COLUMNS = 24


def substitute(sequence: np.ndarray, rate: float, rng: np.random.Generator) -> np.ndarray:
    """Draw this share of the bases anew."""
    return np.where(rng.random(len(sequence)) < rate, rng.choice(list("ACGT"), len(sequence)), sequence)


def insert_and_delete(sequence: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Delete up to 8 bases at one place and insert up to 8 at another, in either half."""
    for place in (280, 80):  # the farther first, so that the nearer stays where it is
        place += int(rng.integers(60))
        size = int(rng.integers(1, 9))
        if (place > 200) == (rng.random() < 0.5):
            sequence = np.delete(sequence, np.arange(place, place + size))
        else:
            sequence = np.insert(sequence, place, rng.choice(list("ACGT"), size))
    return sequence


def simulate_marker(
    seed: int, genera: int = 16, indels: bool = False, gene_seed: int = 0, name: str = "Genus"
) -> list[dict[str, str]]:
    """Records of two species a genus, three records a species: two whole genes and a piece of 250 bp.

    Args:
        seed: Of genera, species and records.
        genera: How many.
        indels: Whether genera differ by them, too.
        gene_seed: Of the gene, which is the same for every other seed.
        name: What the genera are called, before their numbers.
    """
    rng = np.random.default_rng(seed)
    gene = np.random.default_rng(gene_seed).choice(list("ACGT"), GENE)
    records = []
    for number in range(genera):
        genus = substitute(gene, 0.2, rng)
        if indels:
            genus = insert_and_delete(genus, rng)
        for letter in "ab":
            species = substitute(genus, 0.06, rng)
            for record in range(3):
                start, length = (int(rng.integers(len(genus) - 250)), 250) if record == 2 else (0, len(genus))
                read = "".join(substitute(species, 0.01, rng)[start : start + length])
                labels = {"species": f"{name}{number} {letter}", "genus": f"{name}{number}", "split": "train"}
                records.append({"id": f"r{seed}_{number}{letter}{record}", "sequence": read} | labels)
    return records


def write_marker(path: Path, records: list[dict[str, str]]) -> Path:
    """Write records as a tab-separated file."""
    lines = ["\t".join(records[0]), *("\t".join(record.values()) for record in records)]
    path.write_text("\n".join(lines) + "\n")
    return path


def write_markers(folder: Path) -> list[str]:
    """Write two markers, the second with indels; the arguments that name them."""
    first = write_marker(folder / "first.tsv", simulate_marker(seed=1))
    others = simulate_marker(seed=1, genera=32, indels=True, gene_seed=7, name="Other")
    second = write_marker(folder / "second.tsv", others)
    return ["--train_file", str(first), str(second), "--markers", "first", "second"]


def fit_arguments(data: Path, folder: Path) -> list[str]:
    """Arguments of trainer/fit_sites.py for so small a marker: two blocks of columns."""
    columns = ["--columns", str(COLUMNS - 8), "8", "--ridge", "0.3", "3", "--crop", "60", "120", "250"]
    given = ["--train_file", str(data), "--output_dir", str(folder), "--train_split", "train"]
    return [*given, "--most", "300", "--coverage", "0.3", *columns]
