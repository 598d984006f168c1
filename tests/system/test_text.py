"""Texts for people: how long ago."""

import pytest

from imlogit.system.text import ago


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        (-5, "just now"),
        (59.9, "just now"),
        (60, "1 minute ago"),
        (7199, "1 hour ago"),
        (3 * 86_400 + 5, "3 days ago"),
        (4e8, "4,629 days ago"),
    ],
)
def test_how_long_ago(seconds, said):
    assert ago(seconds) == said
