"""The table of checks: sound data pass all of them."""

from imlogit import check_arrays
from imlogit.checks.finding import Status
from imlogit.checks.table import CHECKS


def test_codes_are_unique_and_every_check_has_an_outcome(parts):
    codes = [one.code for one in CHECKS]
    assert len(set(codes)) == len(codes)
    found = check_arrays(*parts)
    assert [finding.code for finding in found] == codes
    assert all(finding.sentence for finding in found)
    assert {finding.status for finding in found} == {Status.PASSED, Status.NOT_APPLICABLE}
