"""Vectors with ids and names in, one file for other programs out: .h5ad of AnnData, or .npz of NumPy.

| name | holds |
|---|---|
| NAME.h5ad | AnnData: `X` (n, width) float32, `obs_names` has the ids, `obs` a column of names for each rank |
| NAME.npz | arrays `embeddings` (n, width) float32, `ids` (n,) and one (n,) for each rank, as text |

Both are built in memory, unlike the files of writers.py. This package writes them, but does not read them.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ..machine.atomic import lock_output, partial_path
from .writers import check_numbers, check_room, put_in_place


class WholeFile:
    """Collects vectors, and writes them with names when they are complete."""

    def __init__(self, path: Path, rows: int, width: int, names: Mapping[str, Sequence[str]]) -> None:
        """Take the file, and the names (n,) of its records at each rank; "": no name.

        Raises:
            OSError: the disk has too little space.
        """
        check_room(path.parent, rows * width * 4)
        self.path, self.names, self.width = path, names, width
        self.lock = lock_output(path)
        self.ids: list[str] = []
        self.blocks: list[np.ndarray] = []

    def write(self, ids: Sequence[str], vectors: np.ndarray) -> None:
        """Keep a block of vectors (rows, width) float32."""
        check_numbers(ids, vectors)
        self.ids += ids
        self.blocks.append(vectors)

    def finish(self) -> None:
        """Write the file and move it to its name."""
        vectors = np.concatenate(self.blocks)
        hidden = partial_path(self.path)
        if self.path.suffix == ".npz":
            with hidden.open("wb") as file:
                columns: Any = {rank: np.array(column) for rank, column in self.names.items()}
                np.savez(file, embeddings=vectors, ids=np.array(self.ids), **columns)
        else:
            import anndata  # pyright: ignore[reportMissingImports]  # an extra that `dev` lacks
            import pandas

            with pandas.option_context("future.infer_string", False):  # releases before 0.12.7 cannot write pandas 3's
                categories = {rank: pandas.Categorical([name or None for name in c]) for rank, c in self.names.items()}
                observations = pandas.DataFrame(categories, index=pandas.Index(self.ids, name="id"))
                anndata.AnnData(vectors, obs=observations).write_h5ad(hidden)
        put_in_place(hidden, self.path)
        self.lock.release()

    def discard(self) -> None:
        """Remove the unfinished file."""
        partial_path(self.path).unlink(missing_ok=True)
        self.lock.release()
