"""Evidence pixel by pixel, and telling images."""

import numpy as np
import pytest

from imlogit import LogisticRegression
from imlogit.evaluation.evidence import evidence_of, exemplars
from imlogit.model.head import head_of
from imlogit.model.persist import saved_model_of


def evidence_for(model, image, *sides, **how):
    """The evidence that a fitted estimator's own answer rests on."""
    head = head_of(saved_model_of(model))
    return evidence_of(head, image, head.answer(image[None]).probabilities[0], *sides, **how)


@pytest.mark.parametrize(
    "how", [{"multi_class": "multinomial"}, {"multi_class": "ovr"}, {"normalize": "l2"}], ids=str
)
def test_terms_add_up_to_the_margin(embedded, how):
    images, labels = embedded.images[::5], embedded.labels[::5]
    model = LogisticRegression(**how).fit(images, labels)
    margins = model.decision_function(images)
    for k in range(0, 1000, 50):
        found = evidence_for(model, images[k])
        order = margins[k].argsort()[::-1]
        assert (found.toward, found.against) == tuple(order[:2])
        terms = found.pixels.sum() + found.intercept
        assert abs(terms - found.margin) < 1e-12
        assert abs(found.margin - (margins[k][order[0]] - margins[k][order[1]])) < 1e-12


def test_a_blank_image_has_no_evidence(few):
    images, is_two = few
    found = evidence_for(LogisticRegression(normalize="l2").fit(images, is_two), 0 * images[0])
    assert (found.pixels == 0).all()
    assert found.margin == found.intercept


def test_two_classes(few):
    images, is_two = few
    model = LogisticRegression().fit(images, is_two)
    for image, margin in zip(images[:40], model.decision_function(images[:40]), strict=True):
        found = evidence_for(model, image)
        assert abs(found.pixels.sum() + found.intercept - margin) < 1e-12
        assert (found.pixels[image == 0] == 0).all()
        assert found.pixels.shape == (28, 28)
        turned = evidence_for(model, image, toward=0, against=1)
        assert turned.margin == -found.margin


def test_features_that_are_not_pixels(rng):
    x = rng.normal(size=(60, 5))
    model = LogisticRegression().fit(x, x[:, 0] > 0)
    found = evidence_for(model, x[7])
    np.testing.assert_allclose(found.pixels, model.coef_[0] * x[7], rtol=0, atol=0)


def test_one_side_given(embedded):
    images, labels = embedded.images[::10], embedded.labels[::10]
    model = LogisticRegression().fit(images, labels)
    most, second = model.predict_proba(images[:1])[0].argsort()[::-1][:2]
    assert evidence_for(model, images[0], against=int(most)).toward == second
    assert evidence_for(model, images[0], toward=int(second)).against == most


@pytest.mark.parametrize(("toward", "against"), [(1, 1), (0, 5), (-1, 0)])
def test_classes_that_there_are_not(few, toward, against):
    model = LogisticRegression().fit(*few)
    with pytest.raises(ValueError, match="two different ones"):
        evidence_for(model, few[0][0], toward, against)


def test_exemplars_by_hand():
    p = np.array([0.1, 0.9, 0.6, 0.45, 0.2, 0.99, 0.55])
    codes = np.array([0, 1, 1, 1, 1, 1, 0])
    found = exemplars(codes, np.stack([1 - p, p], axis=1), 1, n=2)
    assert found.typical.tolist() == [5, 1]
    assert found.surprising.tolist() == [4, 3]
    assert found.undecided.tolist() == [3, 2]
    strict = exemplars(codes, np.stack([1 - p, p], axis=1), 1, threshold=0.95)
    assert strict.typical.tolist() == [5]
    assert strict.surprising.tolist() == [4, 3, 2, 1]
    assert strict.undecided.tolist()[0] == 1
