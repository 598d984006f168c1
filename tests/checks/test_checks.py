"""Checks: each planted fault is found by its code, and sound data pass."""

import numpy as np
import pytest
from scipy import ndimage
from sklearn.linear_model import LogisticRegression as SklearnRegression
from sklearn.model_selection import GridSearchCV, KFold, StratifiedKFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import imlogit
from imlogit import LogisticRegression, LogisticRegressionCV, check, check_arrays
from imlogit.checks.finding import Severity, Status
from imlogit.checks.near_copies import near_copies
from imlogit.checks.table import CHECKS
from imlogit.errors import ParameterError

HARMLESS = {"base-rate"}


@pytest.fixture(scope="module")
def mnist():
    return imlogit.load("mnist-5k")


@pytest.fixture
def parts(mnist):
    """600 images to train on, 1,000 others to test on, with the digits as integers."""
    order = np.random.default_rng(0).permutation(len(mnist))
    train, test = order[:600], order[600:1600]
    return mnist.images[train], mnist.labels[train], mnist.images[test], mnist.labels[test]


def flat(images):
    return images.reshape(len(images), -1) / 255


def wrong(findings):
    return set(findings.codes) - HARMLESS


def test_codes_are_unique_and_every_check_has_an_outcome(parts):
    codes = [one.code for one in CHECKS]
    assert len(set(codes)) == len(codes)
    found = check_arrays(*parts)
    assert [finding.code for finding in found] == codes
    assert all(finding.sentence for finding in found)
    assert {finding.status for finding in found} == {Status.PASSED, Status.NOT_APPLICABLE}


def test_the_embedded_images_pass(mnist):
    found = check(mnist)
    assert wrong(found) == set()
    assert found.ok
    assert found["base-rate"].failed
    assert found["base-rate"].severity is Severity.NOTE
    assert "90.00%" in found["base-rate"].sentence
    assert found["overlap-exact"].status is Status.PASSED
    assert found["grid-edge"].status is Status.NOT_APPLICABLE


@pytest.mark.parametrize("what", ["shifted", "noisy", "brighter", "turned", "larger"])
def test_test_images_made_from_training_images(parts, what):
    images, digits, others, other_digits = parts
    rng = np.random.default_rng(1)
    changed = {
        "shifted": lambda image: np.roll(image, (-1, 2), (0, 1)),
        "noisy": lambda image: image + rng.integers(-8, 9, image.shape),
        "brighter": lambda image: 0.7 * image + 20,
        "turned": lambda image: ndimage.rotate(image, 3.0, reshape=False, order=1),
        "larger": lambda image: ndimage.affine_transform(
            image, np.eye(2) / 1.05, offset=13.5 * (1 - 1 / 1.05), order=1
        ),
    }[what]
    test = others.copy()
    for k in range(20):
        test[k] = np.clip(np.rint(changed(images[k].astype(float))), 0, 255)
    found = check_arrays(images, digits, test, other_digits)["overlap-near"]
    assert found.failed
    assert found.severity is Severity.WARNING
    pairs = {(one.rows[0][1], one.rows[1][1]) for one in found.exhibits}
    assert sum((k, k) in pairs for k in range(20)) >= 14
    assert all(a == b for a, b in pairs)


def test_images_without_contrast_are_copies_of_nothing():
    blank = np.zeros((5, 28, 28), dtype=np.uint8)
    assert not near_copies(blank, blank + 3).first.size
    assert not near_copies(blank[:0], blank).first.size
    assert not near_copies(blank, blank[:, :20]).first.size


def test_large_colour_images_are_compared_smaller(rng):
    blurred = ndimage.gaussian_filter(rng.random((12, 90, 70, 3)), (0, 6, 6, 0), mode="wrap")
    images = np.uint8(255 * (blurred - blurred.min()) / np.ptp(blurred))
    found = near_copies(images[:8], np.roll(images[[3, 9]], 4, axis=1))
    assert (found.first.tolist(), found.second.tolist()) == ([3], [0])


def test_findings_are_read_by_code_and_as_text(parts):
    images, digits, *test = parts
    found = check_arrays(images, np.zeros_like(digits), *test)
    assert str(found).count("\n") == len(found.failed)
    assert "error constant-labels: All 600 labels" in str(found)
    with pytest.raises(KeyError, match="no-such-check"):
        found["no-such-check"]
    assert found.to_dict()[2]["status"] == "failed"


class TestTheTutorialsMistakes:
    """What the public notebooks get wrong, each caught by its code."""

    def test_rows_that_are_in_both_parts(self, mnist):
        some = np.random.default_rng(1).permutation(len(mnist))[:900]
        rows, digits = flat(mnist.images[some]), mnist.labels[some]
        found = check_arrays(rows[:600], digits[:600], rows[60:], digits[60:])
        assert wrong(found) == {"overlap-exact"}
        assert found["overlap-exact"].n_affected == 540
        first = found["overlap-exact"].exhibits[0].rows
        assert first == (("training", 60), ("test", 0))

    def test_integers_compared_with_text(self, parts):
        images, digits, test, truth = parts
        found = check_arrays(images, digits == "2", test, truth == "2")
        assert "constant-labels" in wrong(found)

    @pytest.mark.parametrize("positive", ["2", 2.5, "7 "])
    def test_a_label_of_another_type(self, parts, positive):
        found = check_arrays(*parts, positive=positive)
        assert {"label-type", "constant-labels"} <= wrong(found)

    def test_the_other_slip_text_compared_with_a_number(self, parts):
        images, digits, test, truth = parts
        found = check_arrays(images, digits.astype(str), test, truth.astype(str), positive=5)
        assert "Look for '5'" in found["label-type"].advice

    def test_a_fit_that_stopped_after_a_step_and_says_no(self, parts):
        images, digits, test, truth = parts
        hasty = SklearnRegression(tol=0.1, max_iter=1).fit(flat(images), digits == 2)
        found = check_arrays(flat(images), digits, flat(test), truth, hasty, 2)
        assert {"not-converged", "no-better-than-base-rate"} <= wrong(found)

    def test_labels_of_another_length(self, parts):
        images, digits, test, truth = parts
        found = check_arrays(images, digits[:-1], test, truth)
        assert wrong(found) == {"lengths"}
        assert "600 rows and 599 labels" in found["lengths"].sentence
        assert all(f.status is Status.NOT_APPLICABLE for f in list(found)[1:])

    def test_ten_classes_where_two_were_meant(self, parts):
        ten = LogisticRegression().fit(*parts[:2])
        assert wrong(check_arrays(*parts, ten, 2)) == {"many-classes"}
        assert "many-classes" in check_arrays(*parts, SklearnRegression(), 2).codes


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
class TestFits:
    def test_a_converged_one_passes(self, parts):
        images, digits, test, truth = parts
        rows = flat(images), digits == 2, flat(test), truth == 2
        for model in (SklearnRegression(max_iter=1000), LogisticRegression()):
            found = check_arrays(*rows, model.fit(*rows[:2]))
            assert wrong(found) == set()
            assert found["not-converged"].status is Status.PASSED

    @pytest.mark.parametrize("how", [{}, {"class_weight": "balanced"}, {"fit_intercept": False}])
    def test_the_gap_of_another_librarys_fit(self, parts, how):
        images, digits, *_ = parts
        rows = flat(images)
        for labels in (digits == 2, digits):
            loose = SklearnRegression(tol=1e-9, max_iter=2, **how).fit(rows, labels)
            tight = SklearnRegression(tol=1e-9, max_iter=5000, **how).fit(rows, labels)
            assert check_arrays(rows, labels, estimator=loose)["not-converged"].failed
            found = check_arrays(rows, labels, estimator=tight)["not-converged"]
            assert not found.failed
            assert float(found.sentence.split()[-1].rstrip(".")) < 1e-5

    def test_pipelines_are_seen_through(self, parts):
        images, digits, test, truth = parts
        rows = flat(images), digits == 2, flat(test), truth == 2
        hasty = make_pipeline(StandardScaler(), SklearnRegression(max_iter=1)).fit(*rows[:2])
        assert check_arrays(*rows, hasty)["not-converged"].failed

    def test_other_classifiers_have_no_gap(self, parts):
        from sklearn.dummy import DummyClassifier

        images, digits, test, truth = parts
        rows = flat(images), digits == 2, flat(test), truth == 2
        found = check_arrays(*rows, DummyClassifier().fit(*rows[:2]))
        assert found["not-converged"].status is Status.NOT_APPLICABLE
        assert wrong(found) == {"no-better-than-base-rate"}

    def test_separation(self):
        x = np.array([[0.0], [1.0], [2.0], [3.0]])
        model = LogisticRegression(C=np.inf).fit(x, [0, 0, 1, 1])
        assert "separable" in check_arrays(x, [0, 0, 1, 1], estimator=model).codes

    @pytest.mark.parametrize(("Cs", "code"), [([1e-6, 1e-5], True), ([1e-6, 0.1, 1e6], False)])
    def test_the_edge_of_a_grid(self, parts, Cs, code):
        images, digits, *_ = parts
        rows, labels = flat(images), digits == 2
        searches = (
            LogisticRegressionCV(Cs=Cs, cv=3),
            GridSearchCV(SklearnRegression(max_iter=500), {"C": Cs}, cv=3, scoring="neg_log_loss"),
        )
        for search in searches:
            found = check_arrays(rows, labels, estimator=search.fit(rows, labels))
            assert found["grid-edge"].failed is code
            assert found["grid-edge"].status is not Status.NOT_APPLICABLE


class TestLabels:
    def test_a_class_that_is_absent_or_tiny(self, parts):
        images, digits, test, truth = parts
        few = check_arrays(images, digits, test[truth != 3], truth[truth != 3])
        assert wrong(few) == {"class-absent", "class-mix"}
        assert "test part has no image of 3" in few["class-absent"].sentence
        keep = (digits != 4) | (np.cumsum(digits == 4) <= 5)
        assert (
            "4 (5 in the training part)"
            in check_arrays(images[keep], digits[keep], test, truth)["class-tiny"].sentence
        )

    def test_one_image_under_two_labels(self, parts):
        images, digits, test, truth = parts
        images = np.concatenate([images, images[:3]])
        digits = np.concatenate([digits, (digits[:3] + 1) % 10])
        found = check_arrays(images, digits, test, truth)
        assert wrong(found) == {"conflicting-labels", "duplicates"}
        assert found["conflicting-labels"].n_affected == 3
        assert found["conflicting-labels"].exhibits[0].rows == (("training", 0), ("training", 600))

    def test_mixed_types(self, parts):
        images, digits, *_ = parts
        mixed = digits.astype(object)
        mixed[::2] = [str(digit) for digit in mixed[::2]]
        assert "label-type" in check_arrays(images, mixed).codes
        found = check_arrays(images, digits, images, digits.astype(str))
        assert "integers and the test labels text" in found["label-type"].sentence

    def test_sorted_rows(self, mnist):
        images, digits = mnist.images[::10], mnist.labels[::10]
        assert wrong(check_arrays(images, digits)) == {"sorted-rows"}
        assert wrong(check_arrays(images, digits, cv=KFold(5))) == {"sorted-rows"}
        for cv in (5, KFold(5, shuffle=True), StratifiedKFold(5)):
            assert wrong(check_arrays(images, digits, cv=cv)) == set()


class TestImages:
    @pytest.mark.parametrize(
        ("spoil", "code"),
        [
            (lambda image: np.zeros_like(image), "image-constant"),
            (lambda image: 255 - image, "image-inverted"),
            (lambda image: image // 20, "image-scale"),
        ],
    )
    def test_images_unlike_the_rest(self, parts, spoil, code):
        images, digits, test, truth = parts
        images = images.copy()
        for row in (7, 70):
            images[row] = spoil(images[row])
        found = check_arrays(images, digits, test, truth)
        assert code in wrong(found)
        assert [one.rows for one in found[code].exhibits] == [
            (("training", 7),),
            (("training", 70),),
        ]

    def test_a_test_part_of_another_brightness(self, parts):
        images, digits, test, truth = parts
        darker = (test * 0.6).astype(np.uint8)
        assert wrong(check_arrays(images, digits, darker, truth)) == {"brightness-shift"}

    def test_a_test_part_on_another_scale(self, parts):
        images, digits, test, truth = parts
        found = check_arrays(images.reshape(600, -1) * 1.0, digits, flat(test), truth)
        assert wrong(found) == {"image-scale"}

    def test_embeddings_are_not_taken_for_images(self, rng):
        rows = rng.normal(size=(60, 64))
        found = check_arrays(rows, np.arange(60) % 2, rows[:5] + 1, [0, 1, 0, 1, 0])
        assert found["image-constant"].status is Status.NOT_APPLICABLE

    def test_a_drawn_test_part_of_another_mix(self, parts):
        images, digits, test, truth = parts
        keep = (truth > 4) | (np.arange(len(truth)) % 2 == 0)
        assert wrong(check_arrays(images, digits, test[keep], truth[keep])) == {"class-mix"}


def test_data_frames_and_a_missing_test_part(parts):
    import pandas as pd

    images, digits, test, truth = parts
    frame, other = pd.DataFrame(flat(images)), pd.DataFrame(flat(test))
    assert wrong(check_arrays(frame, pd.Series(digits), other, pd.Series(truth))) == set()
    with pytest.raises(ParameterError, match="give X_test and y_test"):
        check_arrays(images, digits, test)
