"""Task linear_probe: accuracy of a linear layer on frozen vectors in classifying seen species.

Protocol of BarcodeBERT and BIOSCAN-5M: vectors standardised with the training split's mean and deviation (here of each
column), one linear layer with a bias, softmax cross-entropy over all species of `train`; accuracy on other sequences
of the same species, over sequences and (`_macro`) as the mean over species, intervals from resampling species.

The recipe is the same for every model and looks at no third split: weights start at zero, AdamW without weight decay,
one cycle over 10 epochs (300 steps where that is more) in batches of 512, highest rate 2.5 / d for vectors of d
columns. Adam moves each weight by about its rate, so a class's score moves by about rate x d a step: with one rate for
all, wide vectors overshoot and narrow ones do not converge in time (4-mers and 5-mers of COI, see LOG.md).

Each run has one seed, which only orders the batches. Its effect is small compared with the interval over species, and
each further seed would cost the whole training again.

Cost: 2 x epochs x n x d x classes multiplications. 43,668 barcodes of 17,208 species: about 2 minutes at d = 256, 7 at
1,024, 30 at 4,096, on one core that does 40 of 10^9 a second; memory 4 x d x classes floats.
"""

import math
from typing import Any

import numpy as np
import torch
from sklearn.preprocessing import StandardScaler
from torch.nn.functional import cross_entropy, linear
from tqdm import tqdm

from benchmarks.methods.method import Method, Split, vectors
from benchmarks.scoring.seen_species import accuracies, classes_of, learnt_species
from benchmarks.tasks.task import Task

SPLITS = {"test": ("train", "test"), "val": ("train", "val")}
TASK = Task(
    title="Linear probe: classification of seen species from frozen vectors",
    headline="accuracy",
    columns={
        "accuracy": "accuracy",
        "accuracy_macro": "accuracy, mean over species",
    },
    bars={
        "accuracy": "Linear probe, accuracy",
    },
    costed=True,
)
EPOCHS, FEWEST_STEPS = 10, 300
BATCH = 512
RATE = 2.5  # times 1 / d


def probe(
    train: np.ndarray, classes: np.ndarray, queries: np.ndarray, *, seed: int, device: str = "cpu"
) -> np.ndarray:
    """Train the linear layer and classify the queries.

    Args:
        train: Vectors (n, d).
        classes: Their classes (n,), integers from 0, each of them present.
        queries: Vectors (q, d).
        seed: Seed of the order of batches.
        device: Torch device of the linear layer.

    Returns:
        Classes (q,).

    >>> probe(np.array([[0.0, 3.0], [8.0, 3.0]]), np.array([0, 1]), np.array([[7.0, 3.0]]), seed=0).tolist()
    [1]
    """
    scaler = StandardScaler()
    for first in range(0, len(train), BATCH):
        scaler.partial_fit(train[first : first + BATCH])

    def standardise(rows: np.ndarray) -> torch.Tensor:
        return torch.from_numpy(scaler.transform(rows)).to(device, torch.float32)

    d, number = train.shape[1], int(classes.max()) + 1
    weight = torch.zeros(number, d, device=device, requires_grad=True)
    bias = torch.zeros(number, device=device, requires_grad=True)
    optimizer = torch.optim.AdamW([weight, bias], lr=RATE / d, weight_decay=0)
    steps = math.ceil(len(train) / BATCH)  # an epoch
    epochs = max(EPOCHS, math.ceil(FEWEST_STEPS / steps))
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, RATE / d, epochs=epochs, steps_per_epoch=steps)
    rng = np.random.default_rng(seed)
    for _ in tqdm(range(epochs), desc="linear probe", leave=False):
        order = rng.permutation(len(train))
        for first in range(0, len(train), BATCH):
            rows = order[first : first + BATCH]
            scores = linear(standardise(train[rows]), weight, bias)  # (batch, classes)
            loss = cross_entropy(scores, torch.from_numpy(classes[rows]).to(device))
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
    found = np.empty(len(queries), dtype=np.int64)
    with torch.inference_mode():
        for first in range(0, len(queries), BATCH):
            scores = linear(standardise(queries[first : first + BATCH]), weight, bias)
            found[first : first + BATCH] = scores.argmax(dim=1).cpu().numpy()
    return found


def score(method: Method, train: Split, seen: Split, *, seed: int, device: str = "cpu") -> dict[str, dict[str, Any]]:
    """Score a linear layer on a method's vectors.

    Args:
        method: What is evaluated.
        train: Labelled sequences to learn from; those without a species are left out.
        seen: Labelled sequences to name; those without a species, or of one that `train` lacks, are left out.
        seed: Seed of the order of batches and of the bootstrap.
        device: Torch device of the linear layer.

    Returns:
        `accuracy` and `accuracy_macro`: value, interval, the number of sequences scored and left out, and of
        species learnt (`classes`).

    Raises:
        ValueError: Fewer than two species to learn, or none of them to name.
        Unsuited: The method gives no vectors.
    """
    learnt = learnt_species(train.labels["species"], seen.labels["species"])
    classes, truth = (classes_of(split.labels["species"], learnt) for split in (train, seen))
    known = classes >= 0
    embedded, queries = vectors(method, train.sequences), vectors(method, seen.sequences)
    found = probe(embedded[known], classes[known], queries, seed=seed, device=device)
    return accuracies(truth, found, seen.ids, len(learnt), seed)
