"""Better than always giving one answer, no better, or too few images to tell."""

import re

import numpy as np
import pytest
from scipy.special import expit

from imlogit import LogisticRegression, check_arrays
from imlogit.checks.finding import Severity, Status
from imlogit.checks.gain import Gain, Verdict, gain_over_constant

CODE = "no-better-than-base-rate"


def verdicts(shift, n_test, samples=60, n_train=400, seed=0):
    """What is said of logistic regressions of known quality, one sample after the other."""
    rng = np.random.default_rng(seed)
    found = []
    for _ in range(samples):
        X = rng.standard_normal((n_train + n_test, 5))
        y = (rng.random(len(X)) < expit(2.5 * X.sum(axis=1) / np.sqrt(5) + shift)).astype(int)
        model = LogisticRegression().fit(X[:n_train], y[:n_train])
        usual = np.bincount(y[:n_train]).argmax()
        found.append(gain_over_constant(y[n_train:], model.predict(X[n_train:]), usual).verdict)
    return found


@pytest.mark.once
@pytest.mark.parametrize("shift", [0, -2, -4])
@pytest.mark.parametrize("n_test", [20, 50, 100, 500])
def test_better_models_are_not_called_no_better(shift, n_test):
    found = verdicts(shift, n_test)
    called_better = found.count(Verdict.BETTER)
    assert len(found) - called_better - found.count(Verdict.UNDECIDED) <= 2
    if n_test == 500 and shift > -4:
        assert called_better == len(found)


@pytest.mark.once
def test_models_that_know_nothing_are_rarely_called_better():
    rng = np.random.default_rng(0)
    found = []
    for n in (20, 100, 1000):
        for _ in range(300):
            true, guessed = rng.integers(0, 2, (2, n))
            found.append(gain_over_constant(true, guessed, 0).verdict)
    assert found.count(Verdict.BETTER) <= 0.07 * len(found)


@pytest.mark.parametrize(
    ("gain", "verdict"),
    [
        (Gain(20, 6, 0, 10, False), Verdict.BETTER),
        (Gain(20, 3, 0, 10, False), Verdict.UNDECIDED),
        (Gain(20, 0, 5, 10, False), Verdict.WORSE),
        (Gain(100, 0, 0, 10, True), Verdict.SAME),
        (Gain(20, 0, 0, 2, True), Verdict.UNDECIDED),
        (Gain(10_000, 50, 50, 5000, False), Verdict.NO_GAIN),
        (Gain(100, 5, 5, 50, False), Verdict.UNDECIDED),
    ],
)
def test_what_is_shown(gain, verdict):
    assert gain.verdict is verdict


def test_a_gain_of_no_matter_is_excluded_as_often_as_promised():
    """At a gain of exactly 10% of the mistakes, 5% of the samples may exclude it."""
    rng = np.random.default_rng(0)
    excluded = 0
    for _ in range(2000):
        # half of 400 images are mistakes of the one answer; 5% of all are gained on balance
        gained, lost, _ = rng.multinomial(400, [0.09, 0.04, 0.87])
        gain = Gain(400, int(gained), int(lost), 200, False)
        excluded += gain.upper < gain.margin
    assert excluded / 2000 < 0.065


@pytest.mark.parametrize("shares", [(0.10, 0.04), (0.045, 0.045)])
def test_as_many_images_as_are_asked_for_show_the_gain(shares):
    gain = Gain(200, *(round(200 * share) for share in shares), 60, False)
    (needed,) = (int(n.replace(",", "")) for n in re.findall(r"about ([\d,]+) ", gain.needed))
    assert needed > 200
    apart, least = sum(shares), max(shares[0] - shares[1], gain.margin)
    p = [(apart + least) / 2, (apart - least) / 2, 1 - apart]
    draws = np.random.default_rng(0).multinomial(needed, p, 500)
    shown = sum(Gain(needed, int(g), int(b), needed, False).p_better <= 0.05 for g, b, _ in draws)
    assert 0.72 < shown / 500 < 0.9


def test_few_images_leave_the_check_undecided_and_the_findings_say_so():
    rng = np.random.default_rng(1)
    X = rng.standard_normal((400, 5))
    y = (rng.random(400) < expit(1.5 * X[:, 0] - 2)).astype(int)
    model = LogisticRegression().fit(X, y)
    rows = rng.standard_normal((1000, 5))
    answers = model.predict(rows)
    rows = np.concatenate([rows[answers == 1][:3], rows[answers == 0][:17]])
    # right for all 20, which three images of the rare answer do not prove
    found = check_arrays(X, y, rows, model.predict(rows), model)
    finding = found[CODE]
    assert (finding.status, finding.severity) == (Status.UNDECIDED, Severity.WARNING)
    assert "too few to tell" in finding.sentence
    assert "about" in finding.advice
    assert found.ok
    assert CODE not in found.codes
    assert f"warning {CODE}" in str(found)
    assert finding.to_dict()["status"] == "undecided"


def test_a_part_of_one_answer_has_no_gain_to_look_for(parts):
    images, digits, *_ = parts
    rows = images.reshape(len(images), -1)
    model = LogisticRegression().fit(rows, digits == 2)
    others = digits != 2
    found = check_arrays(rows, digits == 2, rows[others], (digits == 2)[others], model)
    assert found[CODE].status is Status.NOT_APPLICABLE
