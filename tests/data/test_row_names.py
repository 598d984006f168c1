"""Names of many rows in little memory."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imlogit.data.row_names import RowNames

TEXT = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]))


@given(st.lists(TEXT))
def test_names_come_back_in_their_order(names):
    packed = RowNames.of(names)
    assert list(packed) == names
    assert packed == names
    assert packed[::2] == names[::2]
    assert [packed[-k - 1] for k in range(len(names))] == names[::-1]
    for outside in (len(names), -len(names) - 1):
        with pytest.raises(IndexError):
            packed[outside]


def test_what_is_no_text_comes_back(tmp_path):
    name = b"caf\xe9.png".decode("utf-8", "surrogateescape")
    assert RowNames.of([name])[0] == name
    assert RowNames.of(["a\0b", "c"]) == ["a b", "c"]


def test_seventy_thousand_take_little_memory():
    packed = RowNames.of(f"training/{k % 10}/{k:05d}.png" for k in range(70_000))
    assert packed.packed.nbytes < 2_000_000
    assert packed[69_999] == "training/9/69999.png"
