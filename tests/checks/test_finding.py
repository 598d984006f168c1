"""Findings, read by code and as text."""

import numpy as np
import pytest

from imlogit import check_arrays


def test_findings_are_read_by_code_and_as_text(parts):
    images, digits, *test = parts
    found = check_arrays(images, np.zeros_like(digits), *test)
    assert str(found).count("\n") == len(found.failed)
    assert "error constant-labels: All 600 labels" in str(found)
    with pytest.raises(KeyError, match="no-such-check"):
        found["no-such-check"]
    assert found.to_dict()[2]["status"] == "failed"
