"""Baselines kmer_mlp and kmer_mlp6: a small network on k-mer profiles, trained in minutes on the training split.

After Celikkanat, Masegosa and Nielsen, "Revisiting K-mer Profile for Effective and Scalable Genome Representation
Learning" (NeurIPS 2024): profile -> 512, batch normalisation, sigmoid, dropout 0.2 -> 256; Adam at 0.001. Two
sequences of one species are a positive pair. `kmer_mlp` takes the profile of the paper, frequencies of 4-mers.
`kmer_mlp6` takes square roots of strand-merged 6-mer frequencies (spectra.py), which separate species better.

- A pair is two records of a species. A species with one record, or a record without a species, gives its first and
  its last three quarters. (The paper takes the two halves of a genome, which are too different in a barcode.)
- The objective is InfoNCE of cosines (temperature 0.05) with all other species of a batch as negatives. The paper's
  objective, a Bernoulli likelihood of exp(-squared distance), does not fix the origin, so its vectors cannot be
  compared by cosine, as the tasks do. With the same number of steps it also named fewer species.
- Corrected here: the network embeds in evaluation mode (the published code stays in training mode, so that identical
  calls differ), an N is not an error, and two pairs of one species in a batch are not negatives of each other.

Weights are cached under a digest of the sequences, the species, the settings and this code.
"""

import hashlib
import json
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import torch
from safetensors import safe_open
from safetensors.torch import save
from torch import Tensor, nn
from tqdm import tqdm

from benchmarks.methods.kmers import kmer_frequencies
from benchmarks.methods.method import Method, Split
from benchmarks.methods.spectra import canonical_spectra
from benchmarks.provenance.code_fingerprints import code_digest
from benchmarks.provenance.costs import measure
from benchmarks.provenance.fingerprints import digest

PROFILES: dict[str, Callable[[Sequence[str]], np.ndarray]] = {
    "kmer_mlp": partial(kmer_frequencies, k=4),
    "kmer_mlp6": partial(canonical_spectra, k=6),
}
HIDDEN, WIDTH = 512, 256
BATCH = 512  # pairs
EPOCHS, FEWEST_STEPS = 10, 100
LEARNING_RATE = 1e-3
TEMPERATURE = 0.05
SEED = 0
BLOCK = 4096  # sequences embedded at once


def build(columns: int) -> nn.Sequential:
    """The untrained network, profiles (n, columns) -> vectors (n, WIDTH)."""
    return nn.Sequential(
        nn.Linear(columns, HIDDEN), nn.BatchNorm1d(HIDDEN), nn.Sigmoid(), nn.Dropout(0.2), nn.Linear(HIDDEN, WIDTH)
    )


def species_codes(species: np.ndarray) -> np.ndarray:
    """Number the species, (n,) str -> (n,) int; each record of an unknown one ("") has a number of its own.

    >>> species_codes(np.array(["b", "", "a", "b", ""])).tolist()
    [1, 2, 0, 1, 3]
    """
    known = species != ""
    codes = np.empty(len(species), dtype=np.int64)
    names, codes[known] = np.unique(species[known], return_inverse=True)
    codes[~known] = len(names) + np.arange(np.sum(~known))
    return codes


def draw_partners(codes: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Draw for each record another one of its species, (n,) int rows; the only one of a species is its own partner.

    Each species' records are put in a random circle, and the partner is the next.

    >>> draw_partners(np.array([0, 1, 0]), np.random.default_rng(0)).tolist()
    [2, 1, 0]
    """
    order = np.lexsort((rng.random(len(codes)), codes))
    starts = np.flatnonzero(np.r_[True, np.diff(codes[order]) != 0])
    following = np.roll(order, -1)
    following[np.r_[starts[1:], len(codes)] - 1] = order[starts]  # the last of a species is followed by its first
    partners = np.empty_like(order)
    partners[order] = following
    return partners


def fragments(sequence: str) -> tuple[str, str]:
    """The first and the last three quarters, which share the middle.

    >>> fragments("ACGTACGT")
    ('ACGTAC', 'GTACGT')
    """
    left_out = len(sequence) // 4
    return sequence[: len(sequence) - left_out], sequence[left_out:]


def draw_pairs(
    sequences: Sequence[str], codes: np.ndarray, profile: Callable[[Sequence[str]], np.ndarray], seed: int
) -> Iterator[tuple[Tensor, Tensor, Tensor]]:
    """Draw batches of pairs for all epochs.

    Args:
        sequences: Training sequences (n,).
        codes: Their species (n,) int.
        profile: Sequences to profiles.
        seed: Seed of the draws.

    Yields:
        Profiles of both sides (batch, columns) and the species (batch,).
    """
    rng = np.random.default_rng(seed)
    whole = profile(sequences)
    single = np.flatnonzero(draw_partners(codes, rng) == np.arange(len(codes)))
    pieces = [fragments(sequences[row]) for row in single.tolist()]
    first_pieces = profile([first for first, _ in pieces])
    last_pieces = profile([last for _, last in pieces])
    place = np.full(len(codes), -1)  # of a record among the pieces
    place[single] = np.arange(len(single))
    batches = max(1, len(codes) // BATCH)
    for _ in range(max(EPOCHS, -(-FEWEST_STEPS // batches))):
        partners = draw_partners(codes, rng)
        for rows in np.array_split(rng.permutation(len(codes)), batches):
            left, right = whole[rows], whole[partners[rows]]
            cut = place[rows] >= 0
            left[cut], right[cut] = first_pieces[place[rows[cut]]], last_pieces[place[rows[cut]]]
            yield torch.from_numpy(left), torch.from_numpy(right), torch.from_numpy(codes[rows])


def contrastive_loss(left: Tensor, right: Tensor, codes: Tensor, temperature: float) -> Tensor:
    """InfoNCE of cosines in both directions (SimCLR, arXiv 2002.05709), without false negatives.

    `-mean_i log[ e_ip / (e_ip + sum_j e_ij) ]`, `e_ij = exp(cos(z_i, z_j) / temperature)`, over both sides' vectors
    i, their partners p and all vectors j of other species.

    Args:
        left: Vectors of one side (batch, width).
        right: Vectors of the other (batch, width).
        codes: Species of the pairs (batch,).
        temperature: Divides the cosines.
    """
    features = nn.functional.normalize(torch.cat([left, right]))  # (2 batch, width)
    partners = features.roll(len(left), dims=0)
    positives = (features * partners).sum(dim=1, keepdim=True) / temperature  # (2 batch, 1)
    same = torch.cat([codes, codes])[:, None] == torch.cat([codes, codes])
    negatives = (features @ features.T / temperature).masked_fill(same, -torch.inf)
    return (torch.logsumexp(torch.cat([positives, negatives], dim=1), dim=1) - positives[:, 0]).mean()


def train(name: str, sequences: Sequence[str], species: np.ndarray, seed: int = SEED) -> dict[str, Tensor]:
    """Train the network of this name.

    Args:
        name: One of `PROFILES`.
        sequences: Training sequences (n,).
        species: Their species (n,) str, "" = unknown.
        seed: Seed of the weights, the dropout and the draws.

    Returns:
        Its weights.

    Raises:
        ValueError: There are fewer than two species.
    """
    codes = species_codes(species)
    if len(codes) == 0 or codes.max() == 0:
        raise ValueError(f"{name} learns to tell species apart, but the split train has fewer than two: add some.")
    batches = draw_pairs(sequences, codes, PROFILES[name], seed)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        network = build(PROFILES[name]([""]).shape[1]).train()
        optimizer = torch.optim.Adam(network.parameters(), LEARNING_RATE)
        for left, right, pair_codes in tqdm(batches, desc=f"training {name}", unit=" steps"):
            left, right = network(torch.cat([left, right])).chunk(2)
            loss = contrastive_loss(left, right, pair_codes, TEMPERATURE)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
    return network.state_dict()


def load_or_train(name: str, training: Split, cache: Path | None) -> tuple[dict[str, Tensor], dict[str, float]]:
    """Read the weights and the costs of their training from the cache, or else train and cache both."""
    species = training.labels["species"]
    if cache is None:
        return measure(lambda: train(name, training.sequences, species))
    key = digest(name, training.sequences, species.tolist(), code_digest(f"{__name__}:train"))
    path = cache / f"{key}.safetensors"
    if not path.exists():
        cache.mkdir(parents=True, exist_ok=True)
        weights, costs = measure(lambda: train(name, training.sequences, species))
        with TemporaryDirectory(dir=cache) as folder:  # moved when whole: an interrupted write leaves nothing
            part = Path(folder, path.name)
            part.write_bytes(save(weights, {"costs": json.dumps(costs)}))
            part.replace(path)
    with safe_open(path, "pt") as file:
        return {key: file.get_tensor(key) for key in file.keys()}, json.loads(file.metadata()["costs"])  # noqa: SIM118


@torch.inference_mode()
def embed_profiles(
    network: nn.Module, profile: Callable[[Sequence[str]], np.ndarray], sequences: Sequence[str]
) -> np.ndarray:
    """Embed sequences a block at a time, (n,) -> (n, WIDTH) float32."""
    vectors = np.empty((len(sequences), WIDTH), dtype=np.float32)
    for first in range(0, len(sequences), BLOCK):
        rows = slice(first, first + BLOCK)
        vectors[rows] = network(torch.from_numpy(profile(sequences[rows]))).numpy()
    return vectors


def make(name: str, training: Split | None, cache: Path | None) -> Method:
    """Make the baseline of this name from a training split, or from the cached weights of an earlier training on it.

    Raises:
        ValueError: There is no training split, or it has fewer than two species.
    """
    if training is None:
        raise ValueError(f"{name} is trained on labelled sequences, but the data have no split train: add one.")
    weights, costs = load_or_train(name, training, cache)
    with torch.device("meta"):  # no weights are drawn
        network = build(PROFILES[name]([""]).shape[1])
    network.load_state_dict(weights, assign=True)
    return Method(
        name,
        hashlib.sha256(save(weights)).hexdigest(),
        sum(parameter.numel() for parameter in network.parameters()),
        encode=partial(embed_profiles, network.eval(), PROFILES[name]),
        training_costs=costs,
    )


BASELINES = dict.fromkeys(PROFILES, make)
