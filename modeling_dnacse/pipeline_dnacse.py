"""The transformers pipeline "dna-embedding": sequences in, one vector each out; it needs only the released folder.

    pipe = pipeline("dna-embedding", model=FOLDER_OR_HUB_ID, trust_remote_code=True)
    vectors = pipe(["ACGTTGCAACGGTACC", "acguugca-nnn"], normalize=True)  # a list of arrays (hidden,) float32

The input is a sequence, or a list, an array, a column of a table or a generator of sequences; a generator gives one
vector at a time. The model takes `batch_size` sequences at once. A list is sorted by length first, so that there is
little padding. `embed` of the installed package gives the same vectors and can do more: batches that suit the memory,
windows, both strands.
"""

import re
import warnings
from collections.abc import Iterable, Iterator, Mapping, Set
from typing import Any

import torch
from torch.nn import functional as F
from torch.utils.data import Dataset
from transformers import Pipeline

BATCH = 16  # sequences
REFUSED = re.compile(r"[^ACGTURYSWKMBDHVNXacgturyswkmbdhvnx.\- \t\r\n\v\f]")


def check_text(entry: Any) -> None:
    """Check that an entry is text.

    Raises:
        ValueError: it is not.
    """
    if not isinstance(entry, str):
        raise ValueError(f"got {entry!r:.60} among the sequences, which is not text; leave it out")


class DnaEmbeddingPipeline(Pipeline):
    """Embeds sequences as arrays (hidden,) float32."""

    _load_tokenizer = True
    _load_processor = _load_image_processor = _load_feature_extractor = False

    def __init__(self, *args: Any, batch_size: int = BATCH, **kwargs: Any) -> None:
        """Take the arguments of every pipeline; batches are the default."""
        super().__init__(*args, batch_size=batch_size, **kwargs)

    def __call__(self, inputs: Any, *args: Any, **kwargs: Any) -> Any:
        """Embed a sequence, or a list, an array or a generator of them: an array (hidden,), a list or an iterator.

        Raises:
            ValueError: the input is no such thing, or an entry is not text.
        """
        if isinstance(inputs, str | Dataset):
            return super().__call__(inputs, *args, **kwargs)
        one = isinstance(inputs, bytes | Mapping | Set) or not isinstance(inputs, Iterable)
        if one or getattr(inputs, "ndim", 1) != 1:
            shape = getattr(inputs, "shape", None)
            what = type(inputs).__name__ + (f" of shape {shape}" if shape is not None else "")
            raise ValueError(f"got one {what} as sequences; give a list or a column of texts, such as [sequence]")
        if isinstance(inputs, Iterator):  # Pipeline knows only generators, and would take another one for one input
            return super().__call__((entry for entry in inputs), *args, **kwargs)
        inputs = list(inputs)
        for entry in inputs:
            check_text(entry)
        order = sorted(range(len(inputs)), key=lambda row: -len(inputs[row]))
        vectors: Any = super().__call__([inputs[row] for row in order], *args, **kwargs) if inputs else []
        return [vector for _, vector in sorted(zip(order, vectors, strict=True), key=lambda pair: pair[0])]

    def _sanitize_parameters(self, normalize: bool | None = None) -> tuple[dict, dict, dict]:
        if normalize is not None and type(normalize).__name__ not in ("bool", "bool_"):  # of numpy, too
            raise ValueError(f"normalize is {normalize!r:.60}; it must be True or False")
        return {}, {}, {} if normalize is None else {"normalize": normalize}

    def preprocess(self, input_: str) -> dict[str, torch.Tensor]:
        """Give the token ids and mask of one sequence, (1, length), with [CLS] and [SEP]; it is never truncated.

        Raises:
            ValueError: the sequence is not text, holds no base, or a letter that is none.
        """
        check_text(input_)
        if wrong := REFUSED.search(input_):
            raise ValueError(
                f"character {wrong[0]!r} in a sequence; allowed are ACGTU, the IUPAC codes RYSWKMBDHVN and X, gaps "
                "'-' and '.': remove it, or check that these are nucleotides, not proteins"
            )
        tokenizer: Any = self.tokenizer
        tokens = tokenizer(input_, return_tensors="pt", truncation=False)
        if tokens["input_ids"].shape[1] <= tokenizer.num_special_tokens_to_add():
            raise ValueError(f"the sequence {input_!r} holds no base; leave it out")
        return {key: tokens[key] for key in ("input_ids", "attention_mask")}

    def _forward(self, input_tensors: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
        return {"vectors": self.model(**input_tensors).pooler_output.float()}  # (sequences, hidden)

    def postprocess(self, model_outputs: dict[str, torch.Tensor], normalize: bool = False) -> Any:
        """The vector of one sequence as a numpy array (hidden,); with `normalize`, of length 1.

        A warning tells of a vector of zeros, which stays one: that of a sequence of N alone, or of another marker.
        """
        vector = model_outputs["vectors"][0]
        if not vector.any():
            warnings.warn(
                "a vector holds nothing but zeros: its sequence holds only N, or does not look like the model's "
                "marker; leave it out",
                stacklevel=2,
            )
        return (F.normalize(vector, dim=0) if normalize else vector).numpy()
