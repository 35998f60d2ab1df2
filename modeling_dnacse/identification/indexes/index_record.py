"""What an index records of its library, model and options; and whether it fits the model and options of a call."""

from typing import Any

from ...embedding.options import EmbedOptions
from ...loading.model_digests import digest_of_vectors
from ..encoding import Encoder
from ..references import LibraryFile
from .index import Index
from .index_files import REMEDY

SHAPING = ("normalize", "both_strands", "window_tokens", "overlap_tokens", "dimensions")  # options that change vectors


def check_fits(index: Index, model: str, encoder: Encoder) -> None:
    """Check that an index was made with this model and these options.

    Raises:
        ValueError: it was not, or its sites or vectors are not those of the model.
    """
    if index.fingerprint != digest_of_vectors(model):
        raise ValueError(
            f"{index.folder} was made with another model ({index.model}) than {model}; give --model as then, or "
            "make the index again"
        )
    if (given := shaping_of(encoder.options)) != index.options:
        then = {name: getattr(EmbedOptions(), name) for name in given} | index.options
        others = [f"{name} {value}" for name, value in then.items() if given.get(name) != value]
        raise ValueError(
            f"{index.folder} was made with other options ({', '.join(others)}); give the same, or make it again"
        )
    sites, vectors = index.encoded.sites, index.encoded.vectors
    if sites is not None:
        got, wanted, what = sites.bases.shape[1], encoder.model.config.sites if encoder.has_sites else 0, "sites"
    else:
        assert vectors is not None
        got, what = vectors.shape[1], "numbers a vector"
        wanted = encoder.options.dimensions or encoder.model.config.hidden_size
    if got != wanted:
        raise ValueError(f"{index.folder} has {got:,} {what}, and its model {wanted:,}; {REMEDY}")


def shaping_of(options: EmbedOptions) -> dict[str, Any]:
    """The options that change vectors and differ from their defaults."""
    default = EmbedOptions()
    return {name: value for name in SHAPING if (value := getattr(options, name)) != getattr(default, name)}


def source_of(library: LibraryFile) -> dict[str, Any]:
    """What an index records of a file of references: its name, and a hash of its ids and sequences."""
    return {"name": library.file.path.name, "records": library.file.count, "digest": library.file.digest.hex()}
