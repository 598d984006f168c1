"""Probes of rows that have any number of labels."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import average_precision_score, log_loss, roc_auc_score
from sklearn.model_selection import KFold

import imlogit
from imlogit.cli.app import run
from imlogit.data.feature_set import FeatureSet
from imlogit.errors import DataError, ModelFileError, ParameterError
from imlogit.report.probe_folder import write_probe
from imlogit.runs.predictions import Predictions
from imlogit.runs.probes.probe import linear_probe

N, D, L = 240, 5, 4
NAMES = ("sea", "sky", "sun", "tree")
TRAIN, VALIDATION, TEST = slice(0, 120), slice(120, 180), slice(180, N)
CS = (0.001, 0.03, 1.0, 30.0)


def rows():
    rng = np.random.default_rng(2)
    X = rng.standard_normal((N, D)).astype(np.float32)
    margins = 1.5 * X @ rng.standard_normal((D, L)) + 2 * rng.logistic(size=(N, L))
    return X, (margins > [0, 1, 2, 3]).astype(np.uint8)


X, Y = rows()


def made(labels=Y, **changes):
    given = {"n_train": 120, "n_validation": 60, **changes}
    return FeatureSet(X, labels, NAMES, name="made", origin="by hand", **given)


def exact(C, some, labels=Y):
    """Return scikit-learn's probabilities of all rows, one model a label, fitted on some."""
    models = [LogisticRegression(C=C, tol=1e-10, max_iter=5000) for _ in range(labels.shape[1])]
    for k, model in enumerate(models):
        model.fit(X[some].astype(np.float64), labels[some, k])
    return np.stack([model.predict_proba(X)[:, 1] for model in models], axis=1), models


def figures(labels, p):
    """Return what chooses C: mean average precision, and the log loss with its sign."""
    each = range(labels.shape[1])
    return {
        "average_precision": np.mean(
            [average_precision_score(labels[:, k], p[:, k]) for k in each]
        ),
        "neg_log_loss": -np.mean([log_loss(labels[:, k], p[:, k], labels=[0, 1]) for k in each]),
    }


@pytest.fixture(scope="module")
def found():
    return linear_probe(made(), Cs=CS)


@pytest.mark.parametrize("scoring", ["average_precision", "neg_log_loss"])
def test_a_validation_part_chooses_as_one_model_a_label_of_scikit_learns(scoring):
    again = [figures(Y[VALIDATION], exact(C, TRAIN)[0][VALIDATION]) for C in CS]
    found = linear_probe(made(), Cs=CS, scoring=scoring)
    for row, own in zip(found.path, again, strict=True):
        assert row.average_precision == pytest.approx(own["average_precision"], abs=5e-3)
        assert row.log_loss == pytest.approx(-own["neg_log_loss"], abs=1e-3)
    assert found.C == CS[int(np.argmax([own[scoring] for own in again]))]
    assert found.C == max(found.path, key=lambda row: row.score(scoring)).C


def test_the_refit_and_its_figures_are_those_of_scikit_learn(found):
    p, models = exact(found.C, slice(0, 180))
    np.testing.assert_allclose(
        found.model.coef, np.concatenate([one.coef_ for one in models]), atol=1e-3
    )
    own, said = found.labels, figures(Y[TEST], p[TEST])
    precision = own.mean_average_precision
    assert precision.value == pytest.approx(said["average_precision"], abs=5e-3)
    assert precision.low < precision.value < precision.high
    for k, (name, count, scores) in enumerate(own.each()):
        assert (name, count) == (NAMES[k], Y[TEST, k].sum())
        area = roc_auc_score(Y[TEST, k], p[TEST, k])
        assert scores["roc_auc"].value == pytest.approx(area, abs=5e-3)
    assert own.base_rate == pytest.approx(Y[TEST].mean())
    assert len(found.certificates) == L
    assert all(one.converged for one in found.certificates)


def test_folds_are_of_all_rows():
    whole = made(n_train=180, n_validation=0)
    found = linear_probe(whole, Cs=CS, folds=3)
    folds = list(KFold(3, shuffle=True, random_state=0).split(X[:180]))
    for row in found.path:
        own = [figures(Y[test], exact(row.C, train)[0][test]) for train, test in folds]
        mean = np.mean([one["average_precision"] for one in own])
        assert row.average_precision == pytest.approx(mean, abs=5e-3)


def test_parts_are_drawn_plainly_and_the_test_part_has_no_say():
    whole = made(n_train=N, n_validation=0)
    found = linear_probe(whole, protocol="dinov2", seed=3)
    assert len(found.path) == 45
    assert found.split.test.tolist() == sorted(np.random.default_rng(3).permutation(N)[:48])
    other = X.copy()
    other[found.split.test] *= -1
    again = linear_probe(replace(whole, features=other, sha256=""), protocol="dinov2", seed=3)
    assert again.path == found.path
    np.testing.assert_array_equal(again.model.coef, found.model.coef)


def with_label(rows, value, k=1):
    labels = Y.copy()
    labels[rows, k] = value
    return labels


@pytest.mark.parametrize("value", [0, 1])
def test_a_label_that_a_held_out_part_has_not_or_has_everywhere_is_undefined(value):
    found = linear_probe(made(with_label(TEST, value)), Cs=CS)
    own = found.metrics["test"]
    assert own["undefined"] == ["sky"]
    assert own["by_label"][1] == {
        "label": "sky",
        "n": 60 * value,
        "base_rate": float(value),
        "values": {},
    }
    assert found.labels.base_rate == pytest.approx(Y[TEST][:, [0, 2, 3]].mean())
    chosen = linear_probe(made(with_label(VALIDATION, value)), Cs=CS)
    p = exact(chosen.C, TRAIN)[0][VALIDATION]
    mean = figures(Y[VALIDATION][:, [0, 2, 3]], p[:, [0, 2, 3]])["average_precision"]
    best = max(chosen.path, key=lambda row: row.average_precision)
    assert best.average_precision == pytest.approx(mean, abs=5e-3)


def test_a_label_that_only_the_validation_part_has_is_fitted_in_the_end():
    found = linear_probe(made(with_label(TRAIN, 0)), Cs=CS)
    assert np.isfinite(found.model.coef).all()
    assert np.isfinite([row.average_precision for row in found.path]).all()
    assert np.isfinite([row.relative_gap for row in found.path]).all()


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        (with_label(TRAIN, 0, k=slice(None)), "C cannot be chosen"),
        (with_label(slice(0, 180), 0), "the labels sky: there is nothing to fit"),
        (with_label(slice(0, 180), 1, k=3), "the labels tree: there is nothing to fit"),
        (with_label(VALIDATION, 0, k=slice(None)), "validation part .* cannot choose"),
        (with_label(TEST, 1, k=slice(None)), "test part .* nothing to score"),
    ],
)
def test_parts_that_say_nothing_of_labels(labels, message):
    with pytest.raises(DataError, match=message):
        linear_probe(made(labels), Cs=CS)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        *(
            ({"protocol": name}, f"'{name}' is of one")
            for name in ("dinov3", "clip", "uni", "mteb")
        ),
        ({"shots": (3,)}, "so many rows of each class"),
        ({"scoring": "accuracy"}, "scoring='accuracy': give average_precision or neg_log_loss"),
    ],
)
def test_what_is_of_one_class_a_row_is_refused(given, message):
    with pytest.raises(ParameterError, match=message):
        linear_probe(made(), **given)


def test_scoring_is_of_rows_with_any_number_of_labels():
    classes = FeatureSet(X, Y[:, 0].astype(np.intp), ("no", "yes"), 180, "made", "by hand")
    with pytest.raises(ParameterError, match="these have one class each"):
        linear_probe(classes, scoring="average_precision")


@pytest.fixture(scope="module")
def probed(tmp_path_factory):
    """The folder of a probe of two files of rows, with labels in tables."""
    place = tmp_path_factory.mktemp("probed")
    labels = with_label(TEST, 0, k=3)
    for part, some in (("train", slice(0, 180)), ("test", TEST)):
        np.save(place / f"{part}.npy", X[some])
        lines = [",".join(NAMES), *(",".join(map(str, row)) for row in labels[some].tolist())]
        (place / f"{part}.csv").write_text("\n".join(lines))
    words = ["--train", "train.npy", "--labels", "train.csv", "--test", "test.npy"]
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(place)
        assert run(["probe", *words, "--test-labels", "test.csv", "-v", "--out", "run"]) == 0
    return place


def test_the_command_leaves_a_run(probed):
    folder = probed / "run"
    kept = {"metrics.json", "command.txt", "model.imlogit", "report.html"}
    assert {path.name for path in folder.iterdir()} == kept | {"predictions.safetensors"}
    metrics = json.loads((folder / "metrics.json").read_text())
    assert (metrics["multi_label"], metrics["classes"]) == (True, list(NAMES))
    assert [one["label"] for one in metrics["test"]["by_label"]] == list(NAMES)
    assert [one["status"] for one in metrics["certificates"]] == ["converged"] * L
    assert max(row["average_precision"] for row in metrics["path"]) <= 1
    page = (folder / "report.html").read_text("utf-8")
    for said in ("Test mean average precision", "any number a row", "as no row has them", "sun"):
        assert said in page
    model = imlogit.load_model(folder / "model.imlogit")
    p = np.stack([one[:, 1] for one in model.predict_proba(X[TEST])], axis=1)
    said = [average_precision_score(Y[TEST, k], p[:, k]) for k in range(3)]
    assert metrics["test"]["mean_average_precision"]["value"] == pytest.approx(np.mean(said))


def test_what_is_printed(probed, monkeypatch, capsys):
    monkeypatch.chdir(probed)
    words = ["test.npy", "--labels", "test.csv", "--label-column", "sky,sea", "--cs", "1"]
    assert run(["probe", *words, "--out", "small", "-v"]) == 0
    shown = " ".join(capsys.readouterr().out.split())
    for said in (
        "2 labels, any number a row",
        "drawn plainly",
        "means over 2 labels",
        "all labels of a row right",
        "Certificate of each label",
        "the mean share of rows with a label",
    ):
        assert said in shown
    assert run(["probe", *words, "--out", "other", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["classes"] == ["sky", "sea"]


def test_the_model_is_scored_on_other_rows(probed, monkeypatch, capsys):
    monkeypatch.chdir(probed)
    metrics = json.loads(Path("run/metrics.json").read_text())
    found = imlogit.evaluate("run", "test.npy", labels="test.csv")
    assert found.to_dict()["scores"] == metrics["test"]
    assert run(["evaluate", "run", "test.npy", "--labels", "test.csv"]) == 0
    assert "mean average precision" in capsys.readouterr().out
    some = imlogit.evaluate("run", "test.npy", labels="test.csv", label_column="sky,sea")
    assert some.figures.names == ("sky", "sea")
    each = {one["label"]: one for one in metrics["test"]["by_label"]}
    assert some.to_dict()["scores"]["by_label"] == [each["sky"], each["sea"]]
    assert imlogit.evaluate("run", made(n_train=180, n_validation=0)).part == "test"


@pytest.mark.parametrize(
    ("features", "message"),
    [
        (replace(made(), class_names=("sea", "sky", "sun", "moon")), "does not know: moon"),
        (FeatureSet(X, Y[:, 0].astype(np.intp), ("0", "1"), N, "a", "b"), "and one class a row"),
    ],
)
def test_rows_that_a_model_of_labels_is_not_for(probed, features, message):
    with pytest.raises(DataError, match=message):
        imlogit.evaluate(probed / "run", features)


def test_two_runs_are_compared_row_by_row(probed, monkeypatch, capsys):
    monkeypatch.chdir(probed)
    np.save("less.npy", X[179::-1, :2])  # of other rows
    np.save("less-test.npy", X[TEST, :2])
    words = ["--train", "less.npy", "--labels", "train.csv", "--test", "less-test.npy"]
    assert run(["probe", *words, "--test-labels", "test.csv", "--out", "less"]) == 0
    found = imlogit.compare("run", "less")
    figures = [
        json.loads(Path(f"{one}/metrics.json").read_text())["test"] for one in ("run", "less")
    ]
    means = [one["mean_average_precision"]["value"] for one in figures]
    assert found.average_precision.value == pytest.approx(means[1] - means[0])
    assert found.average_precision.low < means[1] - means[0] < found.average_precision.high
    assert found.exact.value == pytest.approx((found.only_second - found.only_first) / 60)
    assert list(found.by_label) == ["sea", "sky", "sun"]  # no test row has the other
    turned = imlogit.compare("less", "run").average_precision
    assert (turned.low, turned.high) == pytest.approx(
        (-found.average_precision.high, -found.average_precision.low)
    )
    capsys.readouterr()
    assert run(["compare", "run", "less"]) == 0
    shown = " ".join(capsys.readouterr().out.split())
    assert "60 test rows" in shown
    assert "The first has the higher mean average precision" in shown
    assert run(["compare", "run", "less", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["multi_label"] is True


def test_a_run_is_not_compared_with_one_of_one_class_a_row(probed, tmp_path):
    classes = FeatureSet(X, Y[:, 0].astype(np.intp), ("no", "yes"), 180, "made", "by hand")
    other = write_probe(linear_probe(classes, Cs=(1.0,)), tmp_path / "other")
    with pytest.raises(DataError, match="differ in kind"):
        imlogit.compare(probed / "run", other)


@pytest.fixture(scope="module")
def doubted(tmp_path_factory):
    """A run over rows that say their labels, of which one is mistaken now and then."""
    rng = np.random.default_rng(4)
    labels = (rng.random((N, L)) < 0.4).astype(np.uint8)
    told = (2 * labels + rng.normal(0, 0.2, labels.shape)).astype(np.float32)
    wrong = rng.choice(180, 9, replace=False)
    labels[wrong, 2] ^= 1
    whole = FeatureSet(told, labels, NAMES, 180, "told", "by hand")
    place = write_probe(
        linear_probe(whole, Cs=(0.1, 1.0), folds=3), tmp_path_factory.mktemp("d") / "r"
    )
    return place, labels, set(wrong.tolist())


def test_mistaken_labels_are_doubted_each_by_itself(doubted, capsys):
    place, labels, wrong = doubted
    for ranking in ("trust", "margin", "confidence"):
        found = imlogit.doubts(place, ranking=ranking)
        assert len(found) == 180 * L
        assert len({one.row for one in found[:9]} & wrong) >= 8
    for one in found[:9]:
        assert {one.given, one.suggested} == {"sun", "not sun"}
        assert one.given == ("sun" if labels[one.row, 2] else "not sun")
        assert one.p_given + one.p_suggested == pytest.approx(1)
    assert {one.row for one in imlogit.doubts(place, part="test")} == set(range(180, N))
    assert run(["doubts", str(place), "-n", "3"]) == 0
    assert "The 3 most doubtful of 720 training labels" in capsys.readouterr().out


def test_a_label_that_held_out_rows_have_not_is_doubted_nowhere(probed, tmp_path):
    some = imlogit.doubts(probed / "run", part="test")
    assert {one.given for one in some} >= {"sea", "not sea", "not tree"}
    fixed = write_probe(linear_probe(made(), Cs=(1.0,)), tmp_path / "fixed")
    with pytest.raises(DataError, match="nothing to doubt labels by"):
        imlogit.doubts(fixed)
    rare = write_probe(linear_probe(made(with_label(TRAIN, 0)), Cs=CS), tmp_path / "rare")
    assert "sky" not in {one.given for one in imlogit.doubts(rare)}


def test_predictions_that_are_not_those_of_labels(doubted, tmp_path):
    kept = Predictions.read(doubted[0] / "predictions.safetensors")
    for changes, what in (
        ({"test_codes": kept.test_codes + 1}, "classes that there are not"),
        ({"test_codes": kept.test_codes[:, 0]}, "of one class a row"),
        ({"test_probabilities": kept.test_probabilities * 2}, "not all from 0 to 1"),
    ):
        (tmp_path / "p").write_bytes(replace(kept, **changes).to_bytes())
        with pytest.raises(ModelFileError, match=what):
            Predictions.read(tmp_path / "p")


def test_the_page_is_made_again_from_the_folder(probed, monkeypatch):
    monkeypatch.chdir(probed)
    page = Path("run/report.html").read_text("utf-8")
    assert run(["report", "run"]) == 0
    assert Path("run/report.html").read_text("utf-8") == page
