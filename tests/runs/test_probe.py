import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import imlogit
from imlogit.cli.app import run
from imlogit.data.feature_set import FeatureSet
from imlogit.errors import DataError, KindError, ParameterError
from imlogit.runs.probe import linear_probe

N, D, K = 240, 4, 7
NAMES = tuple("abcdefg")


def rows(seed=0):
    rng = np.random.default_rng(seed)
    labels = np.arange(N) % K
    X = 2 * np.random.default_rng(9).standard_normal((K, D))[labels]
    return (X + rng.standard_normal((N, D))).astype(np.float16), labels


@pytest.fixture(scope="module")
def features():
    X, y = rows()
    return FeatureSet(X, y, NAMES, 120, "made", "by hand", n_validation=60)


@pytest.fixture(scope="module")
def found(features):
    return linear_probe(features)


def test_a_validation_part_chooses_and_is_fitted_on(found, features):
    assert found.C == min(found.path, key=lambda row: row.log_loss).C
    again = imlogit.LogisticRegression(C=found.C).fit(
        features.features[:180], features.labels[:180]
    )
    np.testing.assert_allclose(found.model.coef, again.coef_, atol=1e-6)
    p = again.predict_proba(features.features[180:])
    top = np.argsort(-p, axis=1)[:, :5] == features.labels[180:, None]
    assert found.top_5.value == pytest.approx(top.any(axis=1).mean())
    assert (
        found.test["accuracy"].low
        < found.test["accuracy"].value
        == pytest.approx((p.argmax(axis=1) == features.labels[180:]).mean())
    )


def test_the_test_part_has_no_say(found, features):
    X = features.features.copy()
    X[180:] = -X[180:]
    other = linear_probe(replace(features, features=X, sha256=""))
    assert (other.C, other.path) == (found.C, found.path)
    np.testing.assert_array_equal(other.model.coef, found.model.coef)


def test_alpha_is_of_the_mean_loss(features):
    found = linear_probe(features, alpha=0.01)
    assert found.C == pytest.approx(1 / (0.01 * 180))
    assert found.penalties()["alpha = 1 / (C n), of the mean loss"] == pytest.approx(0.01)


def test_folds_and_drawn_parts(features):
    X, y = rows()
    whole = FeatureSet(X, y, NAMES, N, "made", "by hand")
    found = linear_probe(whole, folds=3, Cs=(0.1, 1.0))
    assert [row.C for row in found.path] == [0.1, 1.0]
    assert len(found.split.test) == sum(round(int(n) * 0.2) for n in np.bincount(y))


def test_rows_are_divided_by_their_norm(features):
    X = features.features.astype(np.float32)
    X /= np.linalg.norm(X, axis=1, keepdims=True)
    normed = linear_probe(replace(features, features=X, sha256=""), Cs=(1.0,))
    found = linear_probe(features, Cs=(1.0,), normalize=True)
    assert found.model.normalize == "l2"
    np.testing.assert_allclose(found.model.coef, normed.model.coef, atol=1e-2)


def test_few_shots_are_those_of_each_draw(features):
    found = linear_probe(features, shots=(2, 5), draws=3)
    assert [one.shots for one in found.shots] == [2, 5]
    rng = np.random.default_rng((0, 5))
    labels = features.labels[:180]
    for accuracy in found.shots[1].accuracy:
        drawn = [rng.choice(np.flatnonzero(labels == k), 5, replace=False) for k in range(K)]
        places = np.sort(np.concatenate(drawn))
        model = imlogit.LogisticRegression().fit(features.features[places], labels[places])
        assert accuracy == model.score(features.features[180:], features.labels[180:])
    assert found.shots[1].mean("accuracy") == np.mean(found.shots[1].accuracy)


@pytest.mark.parametrize("part", ["validation", "test"])
def test_rows_that_are_in_two_parts(features, part):
    X = features.features.copy()
    X[{"validation": 130, "test": 200}[part]] = X[3]
    found = linear_probe(replace(features, features=X, sha256=""), Cs=(1.0,))
    assert [one.code for one in found.checks.failed] == [f"{part}-repeats-training"]


def test_a_class_that_the_training_part_lacks(features):
    labels = np.where(np.arange(N) < 180, features.labels % 6, features.labels)
    with pytest.raises(DataError, match="no rows of the classes g"):
        linear_probe(replace(features, labels=labels))


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"protocol": "dino"}, "protocol='dino': give one of plain, dinov2"),
        ({"protocol": "clip", "Cs": (1.0,)}, "says what C is chosen from"),
        ({"alpha": -1.0}, "alpha=-1.0"),
        ({"alpha": 1.0, "Cs": (1.0,)}, "without Cs"),
        ({"shots": (0,)}, "whole numbers of at least 1"),
        ({"shots": (2,), "protocol": "uni"}, "has no few shots"),
        ({"draws": 3}, "are of shots"),
        ({"folds": 1}, "folds=1"),
    ],
)
def test_options_that_cannot_be(features, given, message):
    with pytest.raises(ParameterError, match=message):
        linear_probe(features, **given)


def test_what_is_no_embeddings():
    with pytest.raises(KindError, match="FeatureSet"):
        linear_probe(np.zeros((3, 3)))


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    X, y = rows()
    np.savez("e.npz", x_train=X[:180], y_train=y[:180], x_test=X[180:], y_test=y[180:])
    return tmp_path


def test_the_command_leaves_a_run(here, capsys):
    assert run(["probe", "e.npz", "--protocol", "dinov2", "--out", "found", "-v"]) == 0
    shown = " ".join(capsys.readouterr().out.split())
    assert "45 values, 10^linspace(-6, 5)" in shown
    assert "top-5 accuracy" in shown
    assert "base rate" in shown
    files = {path.name for path in (here / "found").iterdir()}
    assert files == {"metrics.json", "command.txt", "model.imlogit", "predictions.safetensors"}
    metrics = json.loads((here / "found/metrics.json").read_text())
    assert metrics["schema"] == "imlogit.probe"
    assert len(metrics["path"]) == 45
    assert str(here) not in json.dumps(metrics)
    X, y = rows()
    accuracy = imlogit.load_model(here / "found/model.imlogit").score(X[180:], y[180:].astype(str))
    assert accuracy == metrics["test"]["values"]["accuracy"]["value"]


def test_the_command_of_shots_as_json(here, capsys):
    assert run(["probe", "e.npz", "--shots", "1,3", "--draws", "2", "--json", "--out", "f"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert [len(one["accuracy"]) for one in found["shots"]] == [2, 2]
    assert "--shots 1,3" in (here / "f/command.txt").read_text()
    assert found["test"] is None


def test_doubts_of_a_probe_are_refused_in_a_line(here, capsys):
    assert run(["probe", "e.npz", "--cs", "1", "--out", "f"]) == 0
    assert run(["doubts", "f"]) == 2
    assert "schema must be one of" in capsys.readouterr().err


def test_the_guides_command_does_what_it_says(here, capsys):
    """The commands of docs/probe.md, on made embeddings of its name."""
    (here / "e.npz").rename(here / "embeddings.npz")
    text = Path(__file__).parents[2].joinpath("docs/probe.md").read_text("utf-8")
    commands = [line.split()[1:] for line in text.splitlines() if line.startswith("imlogit ")]
    assert commands
    for words in commands:
        assert run(words) == 0
    assert "Test accuracy" in capsys.readouterr().out
