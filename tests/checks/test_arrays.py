"""Anyone's arrays: what is taken for images, data frames, and no test part."""

import numpy as np
import pandas as pd
import pytest

from imlogit import check_arrays
from imlogit.checks.finding import Status
from imlogit.errors import ParameterError

from helpers.findings import failed_codes, scaled_rows


def test_embeddings_are_not_taken_for_images(rng):
    rows = rng.normal(size=(60, 64))
    found = check_arrays(rows, np.arange(60) % 2, rows[:5] + 1, [0, 1, 0, 1, 0])
    assert found["image-constant"].status is Status.NOT_APPLICABLE


def test_data_frames_and_a_missing_test_part(parts):
    images, digits, test, truth = parts
    frame, other = pd.DataFrame(scaled_rows(images)), pd.DataFrame(scaled_rows(test))
    assert failed_codes(check_arrays(frame, pd.Series(digits), other, pd.Series(truth))) == set()
    with pytest.raises(ParameterError, match="give X_test and y_test"):
        check_arrays(images, digits, test)
