"""ROC, precision-recall and calibration curves: what is drawn is what is said in figures."""

import numpy as np
import pytest

from imlogit.evaluation.scores import score
from imlogit.report.pictures import curves
from imlogit.report.pictures.curves import Part

from helpers.pictures import cut_texts_of, lines_of, rgb_of, texts_of

FIGURES = {"roc": curves.roc_figure, "precision-recall": curves.precision_recall_figure}


def part_of(n_classes, words="test", n=400, seed=0, threshold=None):
    """Images whose probabilities say something of their classes, with ties."""
    rng = np.random.default_rng(seed)
    codes = rng.permutation(np.arange(n) % n_classes)
    scores = rng.normal(size=(n, n_classes)).round(1) + 2 * np.eye(n_classes)[codes]
    p = np.exp(scores)
    p /= p.sum(axis=1, keepdims=True)
    if n_classes == 2:
        p = np.c_[1 - p[:, 1].round(3), p[:, 1].round(3)]
    return Part(
        words, codes, p, score(codes, p, intervals=True, threshold=threshold, origin="test")
    )


def area(name, x, y):
    """The area under a curve, as it is drawn."""
    if name == "roc":
        return np.trapezoid(y, x)
    return np.diff(x) @ y[1:]


@pytest.mark.parametrize("name", FIGURES)
@pytest.mark.parametrize("threshold", [None, 0.8])
def test_the_area_under_a_drawn_curve_is_the_score(pages, name, threshold):
    parts = [part_of(2, threshold=threshold), part_of(2, "out of fold", seed=1)]
    FIGURES[name](parts, ("no", "yes"), threshold)
    drawn = lines_of(pages[0].figure.axes[0])
    figure = "roc_auc" if name == "roc" else "average_precision"
    for part in parts:
        expected = part.scores[figure].value
        assert area(name, *drawn[part.words]) == pytest.approx(expected, abs=1e-12)
        assert any(f"{part.words}: {expected:.4f} (" in text for text in texts_of(pages[0]))
    (x,), (y,) = drawn["answers"]
    (right, wrong), (missed, found) = parts[0].scores.confusion
    recall = found / (found + missed)
    if name == "roc":
        assert (x, y) == (wrong / (right + wrong), recall)
    else:
        assert (x, y) == (recall, found / (found + wrong))
        assert list(drawn["base rate"][1]) == [0.5, 0.5]
    # the model's own answers lie on the curve, or where that falls straight down
    same = np.isclose(drawn["test"][0], x, atol=1e-12)
    assert drawn["test"][1][same].max() >= y - 1e-12
    answers = next(text for text in texts_of(pages[0]) if "answers" in text)
    assert ("from 0.8 on" in answers) == (threshold is not None)


@pytest.mark.parametrize("name", FIGURES)
@pytest.mark.parametrize("n_classes", [3, 10, 26, 200])
def test_of_many_classes_the_mean_and_at_most_ten(pages, name, n_classes):
    part = part_of(n_classes, n=600)
    names = [f"{'n' * 40} {k}" for k in range(n_classes)]
    png = FIGURES[name]([part], names)
    (page,) = pages
    drawn = lines_of(page.figure.axes[0])
    figure = "roc_auc" if name == "roc" else "average_precision"
    expected = part.scores[figure].value
    x, y = drawn["mean"]
    assert area(name, x, y) == pytest.approx(expected, abs=2e-3)
    assert any(f"{expected:.4f} (" in text for text in texts_of(page))
    assert len(set(drawn) & set(names)) == min(n_classes, 10)
    shown = [name_ for name_ in names if name_ in drawn]
    worst = min(shown, key=lambda one: area(name, *drawn[one]))
    code = names.index(worst)
    alone = score(
        (part.codes == code).astype(int),
        np.c_[1 - part.probabilities[:, code], part.probabilities[:, code]],
    )
    assert area(name, *drawn[worst]) == pytest.approx(alone[figure].value, abs=1e-12)
    assert any(f"{n_classes - 10} more not shown" in t for t in texts_of(page)) == (n_classes > 10)
    assert not cut_texts_of(page)
    assert max(rgb_of(png).shape) <= 1000
    assert len(png) < 150_000


@pytest.mark.parametrize("name", FIGURES)
def test_a_class_without_test_images(pages, name):
    part = part_of(4)
    rows = part.codes != 2
    codes, p = part.codes[rows], part.probabilities[rows]
    alone = Part("test", codes, p, score(codes, p, intervals=True))
    FIGURES[name]([alone], list("abcd"))
    said = texts_of(pages[0])
    assert "mean of 3 classes: undefined" in said
    assert "1 class has no test images" in said
    one = codes == 0
    nothing = Part("test", codes[one], p[one], score(codes[one], p[one]))
    assert FIGURES[name]([nothing], list("abcd")) is None


@pytest.mark.parametrize("n_classes", [2, 5])
def test_calibration_is_that_of_the_scores(pages, n_classes):
    part = part_of(n_classes, "out of fold")
    png = curves.calibration_figure(part, [f"name {k}" for k in range(n_classes)])
    (page,), curve = pages, part.scores.reliability
    full = curve.count > 0
    upper, lower = page.figure.axes
    drawn = lines_of(upper)
    assert np.array_equal(drawn["observed"], (curve.claimed[full], curve.observed[full]))
    (intervals,) = upper.collections
    ends = np.array([one[:, 1] for one in intervals.get_segments()])
    assert np.array_equal(ends, np.c_[curve.low[full], curve.high[full]])
    assert np.array_equal(*drawn["calibrated"])
    assert [bar.get_height() for bar in lower.patches] == curve.count.tolist()
    assert any(f"{curve.expected_error:.4f}" in text for text in texts_of(page))
    assert not cut_texts_of(page)
    assert max(rgb_of(png).shape) <= 1000
    assert len(png) < 150_000


def test_no_curve_of_calibration():
    part = part_of(2)
    scores = score(part.codes, part.probabilities, ["accuracy"])
    assert curves.calibration_figure(part._replace(scores=scores), "ab") is None
