"""Fingerprints: the images of a fit are known again, and no others are taken for them."""

import numpy as np
import pytest

from imlogit.model import fingerprints
from imlogit.model.fingerprints import (
    MOST_FINGERPRINTS,
    Fingerprints,
    are_fingerprints,
    fingerprints_of,
)


def images(rng, n):
    return rng.integers(0, 256, (n, 3, 4), dtype=np.uint8)


@pytest.mark.parametrize("n", [1, 7, MOST_FINGERPRINTS - 1])
def test_of_few_images_every_one_is_known(rng, n):
    own, others = images(rng, n), images(rng, 50)
    text = fingerprints_of(own)
    assert are_fingerprints(text)
    assert Fingerprints(text).have(own) == [True] * n
    assert Fingerprints(text).have(others) == [False] * 50


def test_of_many_images_a_sample_is_known_and_the_others_are_not_denied(rng):
    own, others = images(rng, 3 * MOST_FINGERPRINTS), images(rng, 3 * MOST_FINGERPRINTS)
    known = Fingerprints(fingerprints_of(own))
    said, of_others = known.have(own), known.have(others)
    assert said.count(True) == MOST_FINGERPRINTS
    assert False not in said
    assert True not in of_others
    assert of_others.count(False) == pytest.approx(MOST_FINGERPRINTS, rel=0.1)


def test_neither_order_nor_copies_nor_blocks_matter(rng, monkeypatch):
    own = images(rng, 100)
    expected = fingerprints_of(own)
    assert fingerprints_of(own[::-1]) == fingerprints_of(np.concatenate([own, own])) == expected
    monkeypatch.setattr(fingerprints, "_BLOCK", 7)
    assert fingerprints_of(own) == expected
    # one channel is as good as none
    assert fingerprints_of(own[..., None]) == expected


def test_without_fingerprints_nothing_is_known(rng):
    assert Fingerprints(None).have(images(rng, 2)) == [None, None]
