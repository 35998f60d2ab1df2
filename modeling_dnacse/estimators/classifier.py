"""`BarcodeClassifier`: a scikit-learn classifier of sequences, by the search of `dnacse identify`."""

import warnings
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_consistent_length, check_is_fitted, column_or_1d

from ..identification.calibration.cases import take
from ..identification.encoding import Encoded, Encoder, encode, make_encoder
from ..identification.library import Library, make_library, unit_vectors
from ..identification.queries import check_numbers
from ..vectors.shared_sites import SiteSearch
from .inputs import check_fit, check_sequences, find_encoder, options_of, record_fit

TEMPERATURES = np.geomspace(0.002, 1, 40)
DEFAULT_TEMPERATURE = 0.05  # the temperature if no class has two sequences
LEAST_TEMPERATURE = 1e-6  # below it float32 overflows, and differences of cosines are rounding
MOST = 2000  # sequences that the temperature is fitted to
BLOCK = 2**24  # similarities held at once


class BarcodeClassifier(ClassifierMixin, BaseEstimator):
    """Assigns to each sequence the class of the nearest training sequence.

    Sequences are compared as in `dnacse identify`: over the sites that both cover if the model has sites, else by the
    cosine of vectors. The probability of a class is the softmax, over all classes, of the similarity to its
    nearest sequence divided by a temperature. The temperature is fitted: it gives the sequences of `fit`, each looked
    up without itself, the highest likelihood.

    It predicts only classes of `fit`, so a new species gets the name of a known one. To detect new species, use
    `dnacse identify`. Pickles hold parameters and the training data, but no weights of the model.

    Deviations from scikit-learn's conventions: the input is text, (n,) or one column (n, 1), so there is no
    `n_features_in_`. A sequence that does not look like the marker of the model is equally near to every class: it
    gets the first class, equal probabilities, and a warning.

    Args:
        model: Folder or Hub id, or name of a shipped model; None: the shipped model for COI.
        temperature: Temperature of the softmax; None: fitted.
        both_strands: Average the vectors of both strands; None: as the model says. This and the next three make a
            model with sites compare vectors instead of sites.
        window_tokens: Cut longer sequences into windows of at most this many tokens; None: never.
        overlap_tokens: Tokens that neighbouring windows share.
        dimensions: Keep only this many leading dimensions of each vector; None: all.
        batch_tokens: Tokens in a batch; None: chosen for the device.
        device: Device, such as "cuda:0"; None: the CPU.

    >>> classifier = BarcodeClassifier().fit(["ACGTTGCAACGGTACC", "GATTACAGATTACAGG"], ["a", "b"])
    >>> classifier.predict(["ACGTTGCAACGGTACG"]).tolist()
    ['a']
    """

    def __init__(
        self,
        model: str | None = None,
        *,
        temperature: float | None = None,
        both_strands: bool | None = None,
        window_tokens: int | None = None,
        overlap_tokens: int = 0,
        dimensions: int | None = None,
        batch_tokens: int | None = None,
        device: str | None = None,
    ) -> None:
        """Keep the parameters."""
        self.model = model
        self.temperature = temperature
        self.both_strands = both_strands
        self.window_tokens = window_tokens
        self.overlap_tokens = overlap_tokens
        self.dimensions = dimensions
        self.batch_tokens = batch_tokens
        self.device = device

    def fit(self, X: Any, y: Any) -> "BarcodeClassifier":  # noqa: N803
        """Keep sequences (n,) with their classes (n,), and fit the temperature.

        Raises:
            ValueError: an entry is not a sequence, X and y differ in length, a parameter is out of its range, or
                there is no such model.
        """
        if y is None:
            raise ValueError("BarcodeClassifier requires y to be passed, but the target y is None; give the classes")
        check_numbers(temperature=self.temperature)
        if self.temperature is not None and not LEAST_TEMPERATURE <= self.temperature < np.inf:
            raise ValueError(f"temperature is {self.temperature}; it must be at least {LEAST_TEMPERATURE}, or None")
        sequences = check_sequences(X)
        given, y = y, column_or_1d(y, warn=True)
        # A list of text and NaN is an array of text, in which NaN is "nan".
        names = np.array(given, dtype=object).ravel() if y.dtype.kind == "U" else y
        for row, name in enumerate(names):
            if is_missing(name):
                raise ValueError(f"the class of row {row} is {name}, a missing value (NaN); leave the row out")
        check_consistent_length(sequences, y)
        try:
            check_classification_targets(y)
            self.classes_, codes = np.unique(y, return_inverse=True)
        except TypeError:
            raise ValueError("the classes of y cannot be sorted; give text, or whole numbers, for all rows") from None
        encoder, digest = self._encoder()
        record_fit(self, digest)
        self.references_, self.reference_codes_ = encode_scaled(encoder, sequences), codes
        if self.references_.sites is not None and not self.references_.sites.placed.all():
            kept = self.references_.sites.placed
            warnings.warn(
                f"{(~kept).sum():,} of {len(kept):,} sequences do not look like the model's marker; they are never "
                "the nearest: remove them, or give a model of their marker",
                stacklevel=2,
            )
        self._searched = self._make_library(encoder)
        self.temperature_ = self.temperature or self._fit_temperature(encoder)
        return self

    def predict(self, X: Any) -> np.ndarray:  # noqa: N803
        """The class of each sequence (n,).

        Raises:
            NotFittedError: `fit` was not called.
            ValueError: an entry is not a sequence, or the model or an option is another one than in `fit`.
        """
        nearest = self._similarities(X).argmax(axis=1)
        return self.classes_[nearest]

    def predict_proba(self, X: Any) -> np.ndarray:  # noqa: N803
        """The probability of each class, (n, classes) in the order of `classes_`; errors as in `predict`."""
        similarities = self._similarities(X)
        return softmax(similarities / self.temperature_)

    def _encoder(self) -> tuple[Encoder, str]:
        model, tokenizer, digest = find_encoder(self.model, self.device)
        return make_encoder(model, tokenizer, options_of(self)), digest

    def _similarities(self, given: Any) -> np.ndarray:
        """Similarities to the nearest sequence of each class (n, classes)."""
        check_is_fitted(self)
        sequences = check_sequences(given)
        encoder, digest = self._encoder()
        check_fit(self, digest)
        queries = encode_scaled(encoder, sequences, by_sites=self.references_.sites is not None)
        if queries.sites is not None and not queries.sites.placed.all():
            warnings.warn(
                f"{(~queries.sites.placed).sum():,} of {len(queries):,} sequences do not look like the model's "
                "marker; all classes are as probable for them: remove them, or give a model of their marker",
                stacklevel=3,
            )
        return class_similarities(self._library(encoder), queries)

    def __getstate__(self) -> dict[str, Any]:
        """The state to pickle, without the model."""
        state: Any = super().__getstate__()
        return {name: value for name, value in state.items() if name != "_searched"}

    def __sklearn_tags__(self) -> Any:
        """Declare text as input."""
        tags = super().__sklearn_tags__()
        tags.input_tags.two_d_array, tags.input_tags.string = False, True
        return tags

    def _library(self, encoder: Encoder) -> Library:
        """The search index; it is rebuilt after unpickling."""
        if "_searched" not in vars(self):
            self._searched = self._make_library(encoder)
        return self._searched

    def _make_library(self, encoder: Encoder) -> Library:
        labels = {"species": [f"{code:09d}" for code in self.reference_codes_]}  # in the order of the codes
        sites = None if self.references_.sites is None else encoder.model.sites
        return make_library(self.references_, labels, sites=sites)

    def _fit_temperature(self, encoder: Encoder) -> float:
        """The temperature with the highest likelihood, each sequence being looked up without itself."""
        codes = self.reference_codes_
        rows = np.flatnonzero(np.bincount(codes)[codes] > 1)
        if not len(rows):
            return DEFAULT_TEMPERATURE
        if len(rows) > MOST:
            rows = np.sort(np.random.default_rng(0).choice(rows, MOST, replace=False))
        library = self._library(encoder)
        everyone = np.arange(len(codes))
        found = class_similarities(library, take(self.references_, rows), (everyone[rows], everyone))
        right = [
            np.log(np.maximum(softmax(found / value)[np.arange(len(rows)), codes[rows]], 1e-12)).sum()
            for value in TEMPERATURES
        ]
        return float(TEMPERATURES[int(np.argmax(right))])


def is_missing(name: Any) -> bool:
    """Whether a class is None, NaN, NaT or pandas.NA, which alone has no truth value.

    >>> is_missing(float("nan")), is_missing("a")
    (True, False)
    """
    try:
        return name is None or bool(name != name)
    except TypeError:
        return True


def encode_scaled(encoder: Encoder, sequences: list[str], by_sites: bool | None = None) -> Encoded:
    """Encode sequences as `encode` does; vectors are scaled to length 1."""
    encoded = encode(encoder, sequences, by_sites)
    return encoded if encoded.sites is not None else Encoded(unit_vectors(encoded).numpy(), None)


def class_similarities(
    library: Library, queries: Encoded, exclude: tuple[np.ndarray, np.ndarray] | None = None
) -> np.ndarray:
    """Similarity of each query to the nearest reference of each class, (q, classes) float32.

    A search by sites returns candidates of the nearest classes. A class without a candidate gets the similarity of the
    query's farthest candidate. A sequence that cannot be placed has the similarity 0 to every class.
    """
    codes = library.codes[0]
    classes = len(library.names["species"])
    if queries.sites is None:
        assert queries.vectors is not None
        assert library.encoded.vectors is not None
        result = np.empty((len(queries), classes), np.float32)
        order = np.argsort(codes, kind="stable")
        starts = np.searchsorted(codes[order], np.arange(classes))
        step = max(1, BLOCK // len(codes))
        for first in range(0, len(queries), step):
            cosines = queries.vectors[first : first + step] @ library.encoded.vectors.T
            if exclude is not None:
                cosines[exclude[0][first : first + step, None] == exclude[1]] = -1
            result[first : first + step] = np.maximum.reduceat(cosines[:, order], starts, axis=1)
        return result
    assert isinstance(library.search, SiteSearch)
    found = library.search(queries.sites.bases, exclude)
    there = (found.rows >= 0) & queries.sites.placed[:, None]
    farthest = np.where(there, found.score, np.inf).min(axis=1)
    result = np.repeat(np.where(np.isfinite(farthest), farthest, 0)[:, None], classes, axis=1).astype(np.float32)
    query, column = np.nonzero(there)
    np.maximum.at(result, (query, codes[found.rows[query, column]]), found.score[query, column])
    return result


def softmax(values: np.ndarray) -> np.ndarray:
    """The softmax of each row.

    >>> softmax(np.array([[0.0, 0.0]])).tolist()
    [[0.5, 0.5]]
    """
    powers = np.exp((values - values.max(axis=1, keepdims=True)).astype(np.float64))
    return powers / powers.sum(axis=1, keepdims=True)
