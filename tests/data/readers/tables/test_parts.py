"""A column that says which part a row belongs to."""

import numpy as np
import pytest

from imlogit.errors import DataError

from helpers.tables import HEADER, IMAGES, PIXELS, read_table, rows_of, text_of


def read_with(folder, words, name="split"):
    """Read the images with these words in turn; return them, and the words of the rows."""
    of_rows = [words[i % len(words)] for i in range(len(IMAGES))]
    rows = [[row[0], word, *row[1:]] for row, word in zip(rows_of(), of_rows, strict=True)]
    return read_table(folder, text_of(rows, ["label", name, *PIXELS])), np.array(of_rows)


def assert_parts(found, of_rows, train, test):
    """Assert that the parts hold the images of these words, in the order of the words."""
    for part, words in ((found.train, train), (found.test, test)):
        wanted = [IMAGES[of_rows == word] for word in words]
        np.testing.assert_array_equal(part.images, np.concatenate(wanted))


@pytest.mark.parametrize("name", ["split", "Usage", "set", "partition"])
def test_train_and_test(tmp_path, no_warning, name):
    found, of_rows = read_with(tmp_path, ["train", "test", "train"], name)
    assert_parts(found, of_rows, ["train"], ["test"])


def test_all_of_one_part(tmp_path, no_warning):
    assert read_with(tmp_path, ["Training"])[0].test is None
    with pytest.raises(DataError, match="there is no training image"):
        read_with(tmp_path, ["test"])


def test_faces_as_fer2013_has_them(tmp_path):
    words = ["Training", "PublicTest", "PrivateTest"]
    of_rows = np.array([words[i % 3] for i in range(len(IMAGES))])
    rows = [
        [row[0], f'"{" ".join(row[1:])}"', word]
        for row, word in zip(rows_of(), of_rows, strict=True)
    ]
    with pytest.warns(UserWarning, match="publictest and privatetest are one test part") as told:
        found = read_table(tmp_path, text_of(rows, ["emotion", "pixels", "Usage"]))
    assert len(told) == 1
    assert_parts(found, of_rows, words[:1], words[1:])


@pytest.mark.parametrize("word", ["val", "valid", "Validation"])
def test_rows_for_validation(tmp_path, word):
    with pytest.warns(UserWarning, match="the validation part is the test part"):
        found, of_rows = read_with(tmp_path, ["train", word])
    assert_parts(found, of_rows, ["train"], [word])
    found, of_rows = read_with(tmp_path, ["train", word, "test"])
    assert_parts(found, of_rows, ["train"], ["test"])
    np.testing.assert_array_equal(found.validation.images, IMAGES[of_rows == word])


def test_a_word_for_no_part(tmp_path):
    with pytest.raises(DataError, match="line 3: its part is 'holdout', not train, test or val"):
        read_with(tmp_path, ["train", "holdout"])


def test_fractions_in_several_parts(tmp_path, no_warning):
    ones = (IMAGES > 127).astype(int)
    ones[-2:] = 0
    rows = [[row[0], *row[1:], "test" if i % 2 else "train"] for i, row in enumerate(rows_of(ones))]
    rows[-1][1] = repr(51 / 255)
    found = read_table(tmp_path, text_of(rows, [*HEADER, "split"]))
    np.testing.assert_array_equal(found.train.images, ones[::2] * 255)
    assert found.test.images[-1].max() == 51
    np.testing.assert_array_equal(found.test.images[:-1], ones[1:-1:2] * 255)


def test_two_columns_of_parts(tmp_path):
    rows = [[*row, "train", "test"] for row in rows_of()]
    with pytest.raises(DataError, match="2 columns that say to which part .*: split, Usage"):
        read_table(tmp_path, text_of(rows, [*HEADER, "split", "Usage"]))
