"""The checks of a source of images."""

from imlogit import check
from imlogit.checks.finding import Severity, Status

from helpers.findings import failed_codes


def test_the_embedded_images_pass(embedded):
    found = check(embedded)
    assert failed_codes(found) == set()
    assert found.ok
    assert found["base-rate"].failed
    assert found["base-rate"].severity is Severity.NOTE
    assert "90.00%" in found["base-rate"].sentence
    assert found["overlap-exact"].status is Status.PASSED
    assert found["grid-edge"].status is Status.NOT_APPLICABLE
