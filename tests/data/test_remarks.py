"""What is said of how a source was read."""

import warnings

import pytest

from imlogit import SourceWarning
from imlogit.data.remarks import held_back, remark, say


def test_remarks_are_held_back_once_each_and_other_warnings_are_not():
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        with held_back() as found:
            remark("left out: x")
            remark("left out: x")
            warnings.warn("something else", RuntimeWarning, stacklevel=1)
            assert [one.category for one in caught] == [RuntimeWarning], "it was not said at once"
    assert found == ["left out: x"]
    assert [one.category for one in caught] == [RuntimeWarning]
    with pytest.warns(SourceWarning, match="left out: x"):
        say(found)


def test_remarks_on_what_cannot_be_read_are_said():
    def read():
        with held_back():
            remark("left out: x")
            raise FileNotFoundError

    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        with pytest.raises(FileNotFoundError):
            read()
    assert [str(one.message) for one in caught] == ["left out: x"]
