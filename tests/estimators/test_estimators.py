"""What holds of scikit-learn's estimators holds of ours, as far as text input lets it."""

import pickle
import shutil

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.compose import make_column_transformer
from sklearn.exceptions import SkipTestWarning
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.utils.estimator_checks import check_estimator, parametrize_with_checks
from sklearn.utils.validation import check_is_fitted, validate_data

from modeling_dnacse import BarcodeClassifier, DnacseModel, DnaEmbedder, embed, load_checkpoint
from tests.support.families import random_families
from tests.support.marker import simulate_marker

FAMILIES = random_families(seed=0)
SEQUENCES = list(FAMILIES.values())
SPECIES = [header.split("=")[1] for header in FAMILIES]


def written_in_dna(numbers):
    """Sequences for rows of numbers: near numbers share most of their bases."""
    low, high = (np.random.default_rng(seed).choice(list("ACGT"), (numbers.shape[1], 64)) for seed in (0, 1))
    steps = np.clip(np.rint(32 + 8 * numbers), 0, 64).astype(int)
    return ["".join(np.where(np.arange(64) < row[:, None], high, low).ravel()) for row in steps]


class OfNumbers:
    """Lets scikit-learn's checks, which know numbers only, through to an estimator of sequences.

    The number of features, which text has not, and NaN are checked here; all else is up to the estimator.
    """

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.two_d_array, tags.input_tags.string = True, False
        return tags

    def _read(self, numbers):
        check_is_fitted(self)
        return written_in_dna(validate_data(self, numbers, reset=False))

    def fit(self, X, y=None):  # noqa: N803
        return super().fit(written_in_dna(validate_data(self, X)), y)


class EmbedderOfNumbers(OfNumbers, DnaEmbedder):
    def transform(self, X):  # noqa: N803
        return super().transform(self._read(X))


class ClassifierOfNumbers(OfNumbers, BarcodeClassifier):
    def predict(self, X):  # noqa: N803
        return super().predict(self._read(X))

    def predict_proba(self, X):  # noqa: N803
        return super().predict_proba(self._read(X))


BATCH = "float32 rounds with the batch, on some CPUs: probabilities differ by up to 1e-5 of themselves, not 1e-7"
DEVIATIONS = dict.fromkeys(["check_methods_subset_invariance", "check_methods_sample_order_invariance"], BATCH)


def deviations(estimator):
    return DEVIATIONS if isinstance(estimator, BarcodeClassifier) else {}


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::RuntimeWarning")
@parametrize_with_checks([EmbedderOfNumbers(), ClassifierOfNumbers()], expected_failed_checks=deviations)
def test_scikit_learn_checks(estimator, check):
    """All checks of scikit-learn, but those named in `DEVIATIONS`."""
    check(estimator)


def test_probabilities_do_not_depend_on_the_other_queries(tiny_folder):
    """To 1e-4, where scikit-learn's two checks, in `DEVIATIONS`, ask for 1e-7."""
    classifier = BarcodeClassifier(str(tiny_folder)).fit(SEQUENCES, SPECIES)
    together = classifier.predict_proba(SEQUENCES)
    assert np.allclose(classifier.predict_proba(SEQUENCES[::-1])[::-1], together, atol=1e-4)
    assert np.allclose(np.concatenate([classifier.predict_proba([one]) for one in SEQUENCES]), together, atol=1e-4)


def test_its_own_checks_leave_text_out():
    """With the true tags scikit-learn runs one check and says so."""
    for estimator in (DnaEmbedder(), BarcodeClassifier()):
        with pytest.warns(SkipTestWarning, match="requires input"):
            assert all(result["status"] == "passed" for result in check_estimator(estimator))
        assert not hasattr(estimator.fit(SEQUENCES, SPECIES), "n_features_in_")


def test_vectors_are_those_of_embed(tiny_folder):
    model, tokenizer = load_checkpoint(DnacseModel, str(tiny_folder))
    embedder = DnaEmbedder(str(tiny_folder), normalize=True, dimensions=16)
    vectors = embedder.fit_transform(SEQUENCES)
    expected = embed(model, tokenizer, SEQUENCES, normalize=True, dimensions=16)
    assert np.allclose(vectors, expected, atol=1e-6) and vectors.dtype == np.float32
    assert embedder.get_feature_names_out()[-1] == "dnaembedder15" and len(embedder.get_feature_names_out()) == 16


def test_pipeline_columns_and_grid_search(tiny_folder):
    frame = pd.DataFrame({"sequence": SEQUENCES, "species": SPECIES})
    columns = make_column_transformer((DnaEmbedder(str(tiny_folder)), "sequence"))
    pipeline = make_pipeline(columns, LogisticRegression(C=100, max_iter=1000))
    assert pipeline.fit(frame[["sequence"]], frame["species"]).score(frame[["sequence"]], frame["species"]) > 0.9
    search = GridSearchCV(BarcodeClassifier(str(tiny_folder)), {"dimensions": [2, 48]}, cv=2)
    search.fit(SEQUENCES, SPECIES)
    assert search.best_params_ == {"dimensions": 48} and search.best_score_ > 0.6  # two references a species


@pytest.mark.parametrize("kind", [DnaEmbedder, BarcodeClassifier])
def test_pickles_hold_no_weights_and_refuse_another_model(kind, site_folder, tmp_path):
    folder = shutil.copytree(site_folder, tmp_path / "model")
    records = simulate_marker(seed=1)[:12]
    sequences, species = [record["sequence"] for record in records], [record["species"] for record in records]
    estimator = kind(str(folder)).fit(sequences, species)
    pickled = pickle.dumps(estimator)
    assert len(pickled) < 20_000 and b"torch" not in pickled
    ask = "transform" if kind is DnaEmbedder else "predict_proba"
    again = pickle.loads(pickled)
    assert np.array_equal(getattr(again, ask)(sequences), getattr(estimator, ask)(sequences))
    assert clone(estimator).get_params() == estimator.get_params()
    config = folder / "config.json"
    config.write_text(config.read_text().replace('"initializer_range": 0.02', '"initializer_range": 0.03'))
    with pytest.raises(ValueError, match=r"not the one of fit\(\)"):
        getattr(again, ask)(sequences)


@pytest.mark.parametrize("kind", [DnaEmbedder, BarcodeClassifier])
def test_options_that_were_changed_after_fit_are_refused(kind, tiny_folder):
    """An AssertionError, a message of numpy, or vectors of one kind compared with those of another."""
    estimator = kind(str(tiny_folder), dimensions=8).fit(SEQUENCES, SPECIES)
    ask = "transform" if kind is DnaEmbedder else "predict"
    with pytest.raises(ValueError, match=r"dimensions is 9, and was 8 in fit\(\); fit again, or set it back"):
        getattr(estimator.set_params(dimensions=9), ask)(SEQUENCES)
    assert len(getattr(estimator.set_params(dimensions=8, batch_tokens=99), ask)(SEQUENCES)) == len(SEQUENCES)


def test_classifier_searches_as_identify_does(site_folder):
    """Pieces are compared over shared sites; probabilities are higher where they are right."""
    records = simulate_marker(seed=1)
    known, pieces = ([record for n, record in enumerate(records) if (n % 3 == 2) == part] for part in (False, True))
    classifier = BarcodeClassifier(str(site_folder))
    classifier.fit([record["sequence"] for record in known], [record["species"] for record in known])
    asked = [record["sequence"] for record in pieces]
    names, probabilities = classifier.predict(asked), classifier.predict_proba(asked)
    right = names == np.array([record["species"] for record in pieces])
    assert right.mean() > 0.8  # two species of a genus are near each other in a model that was fitted to genera
    assert np.allclose(probabilities.sum(axis=1), 1)
    genus = np.array([name.split()[0] for name in classifier.classes_])
    of_genus = [row[genus == record["genus"]].sum() for row, record in zip(probabilities, pieces, strict=True)]
    assert np.mean(of_genus) > 0.95
    assert (classifier.classes_[probabilities.argmax(axis=1)] == names).all()
    with pytest.warns(UserWarning, match="1 of 2 sequences do not look like the model's marker"):
        chances = classifier.predict_proba([asked[0], "ACGT" * 60])
    assert np.ptp(chances[1]) == 0 and np.ptp(chances[0]) > 0.5


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ("ACGT", "got one text"),
        ([], "got no sequences"),
        (["ACGT", None], "sequence 1 is None, which is not text"),
        (["ACGT", "AC*T"], r"row 1: character '\*'"),
        (["--"], "row 0 has no bases"),
        (np.ma.array(["ACGT", "ACGA"], mask=[0, 1]), "sequence 1 is None, which is not text"),
        ([["ACGT", "ACGT"]], r"shape \(1, 2\)"),
    ],
)
def test_refusals(given, message):
    with pytest.raises(ValueError, match=message):
        DnaEmbedder().fit(given)
    with pytest.raises(ValueError, match=message):
        BarcodeClassifier().fit(given, ["a"] * len(given))


@pytest.mark.parametrize("missing", [None, np.nan, pd.NA, pd.NaT], ids=str)
def test_a_class_that_is_missing_is_no_class(tiny_folder, missing):
    with pytest.raises(ValueError, match=r"the class of row 1 is .*NaN"):
        BarcodeClassifier(str(tiny_folder)).fit(SEQUENCES[:2], np.array(["a", missing], dtype=object))


@pytest.mark.parametrize("classes", [["a", np.nan], ("a", float("nan")), [["a"], [np.nan]]], ids=str)
def test_a_class_that_is_missing_in_a_list_is_no_class(tiny_folder, classes):
    """It was the class "nan", since numpy makes text of all of such a list."""
    with pytest.raises(ValueError, match=r"the class of row 1 is .*NaN"):
        BarcodeClassifier(str(tiny_folder)).fit(SEQUENCES[:2], classes)


@pytest.mark.parametrize("model", [5, "nowhere"])
def test_a_model_that_does_not_exist_is_one_sentence(model):
    """An OSError of two lines about the servers of Hugging Face."""
    for estimator in (DnaEmbedder(model=model), BarcodeClassifier(model=model)):
        with pytest.raises(ValueError, match="as a path; give|there is no folder nowhere here, and this process"):
            estimator.fit(["ACGTTGCAACGGTACC", "GATTACAGATTACAGG"], ["a", "b"])


@pytest.mark.parametrize("kind", ["string", "category", "object"])
def test_a_class_that_is_missing_in_a_column_of_pandas_is_no_class(tiny_folder, kind):
    with pytest.raises(ValueError, match=r"the class of row 1 is .*NaN"):
        BarcodeClassifier(str(tiny_folder)).fit(SEQUENCES[:2], pd.Series(["a", None], dtype=kind))


@pytest.mark.parametrize("value", ["x", 1, None])
def test_fit_refuses_a_switch_that_is_none(tiny_folder, value):
    with pytest.raises(ValueError, match="normalize is .*; it must be True or False"):
        DnaEmbedder(str(tiny_folder), normalize=value).fit(SEQUENCES[:2])


def test_a_temperature_at_which_probabilities_overflow_is_refused(tiny_folder):
    with pytest.raises(ValueError, match="temperature is 1e-300; it must be at least 1e-06"):
        BarcodeClassifier(str(tiny_folder), temperature=1e-300).fit(SEQUENCES[:2], ["a", "b"])


@pytest.mark.parametrize("classes", [["a", 1j], [{}, {}], ["a", np.datetime64("2020-01-01")]], ids=str)
def test_classes_that_cannot_be_sorted_are_refused(tiny_folder, classes):
    with pytest.raises(ValueError, match="; give|label"):
        BarcodeClassifier(str(tiny_folder)).fit(SEQUENCES[:2], np.array([*classes, None], dtype=object)[:2])
