import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import imlogit
from imlogit.cli.app import run
from imlogit.data.feature_set import FeatureSet
from imlogit.errors import DataError, KindError, ParameterError
from imlogit.report.probe_folder import write_probe
from imlogit.runs.probes.probe import linear_probe
from imlogit.runs.record import open_record

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
    kept = {"metrics.json", "command.txt", "model.imlogit", "predictions.safetensors"}
    assert files == kept | {"report.html"}
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


@pytest.fixture(scope="module")
def probed(tmp_path_factory):
    """Runs over the embeddings of two networks, a tenth of whose labels are wrong in both."""
    place = tmp_path_factory.mktemp("probed")
    X, y = rows()
    wrong = np.random.default_rng(3).choice(120, 12, replace=False)
    y[wrong] = (y[wrong] + 3) % K
    for name, own in (("a", X), ("b", np.concatenate([X[:, ::-1], X[:, :1] ** 2], axis=1))):
        parts = {"x_train": own[:120], "x_val": own[120:180], "x_test": own[180:]}
        labels = {"y_train": y[:120], "y_val": y[120:180], "y_test": y[180:]}
        np.savez(place / f"{name}.npz", **parts, **labels)
        how = {"folds": 3, "Cs": (0.01, 1.0)} if name == "a" else {}
        write_probe(linear_probe(place / f"{name}.npz", **how), place / name)
    return place, wrong


def test_doubts_are_those_of_rows_that_were_held_out(probed, capsys):
    place, wrong = probed
    found = imlogit.doubts(place / "a")
    assert {one.row for one in found} == set(range(180))
    assert len({one.row for one in found[:12]} & set(wrong.tolist())) >= 9
    assert {one.row for one in imlogit.doubts(place / "b")} == set(range(120, 180))
    assert {one.row for one in imlogit.doubts(place / "b", part="test")} == set(range(180, N))
    assert run(["doubts", str(place / "a"), "-n", "3"]) == 0
    assert "The 3 most doubtful of 180 training labels" in capsys.readouterr().out
    assert run(["doubts", str(place / "a"), "--folder", str(place / "d")]) == 2
    assert "a probe of embeddings, which has no pictures" in capsys.readouterr().err


def test_out_of_fold_probabilities_are_of_models_that_had_not_seen_the_row(probed):
    record = open_record(probed[0] / "a")
    kept, C = record.predictions, float(record.model.certificate["C"])
    X, y = rows()
    y[kept.train_rows] = kept.train_codes
    held_out = kept.train_folds == 1
    fitted, other = kept.train_rows[~held_out], kept.train_rows[held_out]
    model = imlogit.LogisticRegression(C, tol=1e-10).fit(X[fitted], y[fitted])
    np.testing.assert_allclose(
        kept.train_probabilities[held_out], model.predict_proba(X[other]), atol=1e-3
    )


def test_two_networks_are_compared_row_by_row(probed, capsys):
    place, _ = probed
    found = imlogit.compare(place / "a", place / "b")
    assert found.first.n == 60
    assert found.matched == "rows"
    assert run(["compare", str(place / "a"), str(place / "b")]) == 0
    assert "by their rows in the source" in " ".join(capsys.readouterr().out.split())


def test_a_probe_is_scored_on_other_embeddings(probed, capsys):
    place, _ = probed
    metrics = json.loads((place / "a/metrics.json").read_text())
    found = imlogit.evaluate(place / "a", place / "a.npz")
    assert found.scores["accuracy"].value == metrics["test"]["values"]["accuracy"]["value"]
    assert run(["evaluate", str(place / "a"), str(place / "a.npz")]) == 0
    assert "the source's test part" in capsys.readouterr().out
    page = ["--report", str(place / "none.html")]
    assert run(["evaluate", str(place / "a"), str(place / "a.npz"), *page]) == 2
    assert "shows images, and embeddings have none" in capsys.readouterr().err
    with pytest.raises(DataError, match="rows of 4 numbers .*b has 5 numbers"):
        imlogit.evaluate(place / "a", place / "b.npz")
    with pytest.raises(ParameterError, match="size=... is of images"):
        imlogit.evaluate(place / "a", place / "a.npz", size=(3, 3))


def test_the_page_of_a_probe(probed, capsys):
    place, _ = probed
    page = (place / "a/report.html").read_text("utf-8")
    for said in ("no pictures", "Test accuracy", "Certificate", "Held-out rows", "imlogit probe"):
        assert said in page
    assert "<script" not in page
    (place / "a/report.html").unlink()
    assert run(["report", str(place / "a")]) == 0
    assert (place / "a/report.html").read_text("utf-8") == page
    assert run(["explain", str(place / "a"), "--row", "3"]) == 2
    assert "has no pictures" in capsys.readouterr().err


def test_a_page_of_half_a_probe(probed, tmp_path, capsys):
    metrics = json.loads((probed[0] / "a/metrics.json").read_text())
    wrong = [{"test": {"<b>": 1}}, {"base_rate": 10**400}, {"checks": [{"void": 0}]}, {}]
    for k, some in enumerate(wrong):
        (tmp_path / "metrics.json").write_text(json.dumps(metrics | some))
        if k < 3:  # the last lacks its command alone
            (tmp_path / "command.txt").write_text("imlogit probe")
        else:
            (tmp_path / "command.txt").unlink()
        assert run(["report", str(tmp_path)]) == 2
        assert "its files are not those of a whole probe" in capsys.readouterr().err


def test_the_training_part_by_an_option(here, capsys):
    X, y = rows()
    for part, some in (("tr", slice(0, 180)), ("te", slice(180, None))):
        np.save(f"{part}.npy", X[some])
        np.savetxt(f"{part}.txt", y[some], fmt="%d")
    words = ["probe", "--train", "tr.npy", "--labels", "tr.txt", "--test", "te.npy"]
    assert run([*words, "--test-labels", "te.txt", "--cs", "1", "--out", "f"]) == 0
    assert "--train" in (here / "f/command.txt").read_text()
    both = [json.loads(Path(name).read_text()) for name in ("f/metrics.json",)]
    found = linear_probe("e.npz", Cs=(1.0,))
    assert both[0]["test"]["values"] == found.metrics["test"]["values"]
    assert run([*words, "e.npz"]) == 2
    assert "--train stands in the place of a source" in capsys.readouterr().err
    assert run(["probe"]) == 2
    assert "Say where the embeddings are, as a source or with --train" in capsys.readouterr().err


def test_the_guide_leads_from_images_to_a_verdict(tmp_path, monkeypatch, capsys):
    """Every block of docs/probe.md, one after another: Python's, and commands."""
    monkeypatch.chdir(tmp_path)
    text = Path(__file__).parents[3].joinpath("docs/probe.md").read_text("utf-8")
    made, commands = {}, []
    for block in text.split("```")[1::2]:
        language, _, lines = block.partition("\n")
        if language == "python":
            exec(lines, made)
        for line in lines.splitlines() if language == "" else ():
            name, *words = line.split()
            assert name == "imlogit"
            assert run(words) == 0, line
            commands.append(words[0])
    assert commands == ["probe", "doubts", "evaluate", "report", "export"]
    accuracy = json.loads(Path("probe/metrics.json").read_text())["test"]["values"]["accuracy"]
    assert accuracy["low"] > 0.3  # far above the base rate
    assert f"Test accuracy {accuracy['value']:.4f}" in capsys.readouterr().out
    model = imlogit.load_model("probe/model.imlogit")
    assert model.predict(made["embeddings"][:5]).shape == (5,)
