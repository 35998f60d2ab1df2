"""`DnaEmbedder`: a scikit-learn transformer that turns lists of sequences into vectors."""

from typing import Any

import numpy as np
from sklearn.base import BaseEstimator, ClassNamePrefixFeaturesOutMixin, TransformerMixin
from sklearn.utils.validation import check_is_fitted

from ..embedding.given import embed
from .inputs import check_fit, check_sequences, find_encoder, options_of, record_fit


class DnaEmbedder(ClassNamePrefixFeaturesOutMixin, TransformerMixin, BaseEstimator):
    """Turns sequences into vectors, in a Pipeline, a ColumnTransformer or a GridSearchCV of scikit-learn.

    The model is not trained: `fit` only records which model it is. Pickles hold parameters but no weights, and are
    refused if the files of the model have changed.

    Deviations from scikit-learn's conventions: the input is text, (n,) or one column (n, 1), so there is no
    `n_features_in_`; and `fit` learns nothing from its sequences, it only checks them.

    Args:
        model: Folder, Hub id or name of a shipped model; None: the one for COI.
        normalize: Scale each vector to length 1.
        both_strands: Average both strands; None: as the model says.
        window_tokens: Cut longer sequences into windows of at most this many tokens; None: never.
        overlap_tokens: Tokens that neighbouring windows share.
        dimensions: Keep only this many leading dimensions of each vector; None: all.
        batch_tokens: Tokens in a batch; None: chosen for the device.
        device: Device, such as "cuda:0"; None: the CPU.

    >>> from sklearn.linear_model import LogisticRegression
    >>> from sklearn.pipeline import make_pipeline
    >>> model = make_pipeline(DnaEmbedder(normalize=True), LogisticRegression())
    >>> model.fit(["ACGTTGCAACGGTACC", "GATTACAGATTACAGG"], ["a", "b"]).predict(["ACGTTGCAACGGTACG"]).tolist()
    ['a']
    """

    def __init__(
        self,
        model: str | None = None,
        *,
        normalize: bool = False,
        both_strands: bool | None = None,
        window_tokens: int | None = None,
        overlap_tokens: int = 0,
        dimensions: int | None = None,
        batch_tokens: int | None = None,
        device: str | None = None,
    ) -> None:
        """Keep the parameters."""
        self.model = model
        self.normalize = normalize
        self.both_strands = both_strands
        self.window_tokens = window_tokens
        self.overlap_tokens = overlap_tokens
        self.dimensions = dimensions
        self.batch_tokens = batch_tokens
        self.device = device

    def fit(self, X: Any, y: Any = None) -> "DnaEmbedder":  # noqa: N803
        """Check sequences (n,) and record the model.

        Raises:
            ValueError: an entry is not a sequence, a parameter is out of its range, or there is no such model.
        """
        check_sequences(X)
        encoder, _, digest = find_encoder(self.model, self.device)
        self._n_features_out = options_of(self, normalize=self.normalize).vector_width(encoder)
        record_fit(self, digest)
        return self

    def transform(self, X: Any) -> np.ndarray:  # noqa: N803
        """Embed sequences (n,): float32 (n, dimensions).

        Raises:
            NotFittedError: `fit` was not called.
            ValueError: as `fit`; or the model or an option is another one than in `fit`.
        """
        check_is_fitted(self)
        sequences = check_sequences(X)
        encoder, tokenizer, digest = find_encoder(self.model, self.device)
        check_fit(self, digest)
        options = options_of(self, normalize=self.normalize)
        return embed(encoder, tokenizer, sequences, **vars(options))

    def __sklearn_tags__(self) -> Any:
        """Declare text as input and float32 as output; `fit` only records the model."""
        tags = super().__sklearn_tags__()
        tags.input_tags.two_d_array, tags.input_tags.string = False, True
        if tags.transformer_tags is not None:
            tags.transformer_tags.preserves_dtype = []
        return tags
