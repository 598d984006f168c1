"""The options of reading: written once, and the same wherever they are named."""

import inspect
from dataclasses import fields

import pytest

from imlogit.data.reading import Reading
from imlogit.data.sources import load
from imlogit.errors import DataError, ParameterError


def test_load_has_the_fields_of_a_reading_as_keywords():
    parameters = inspect.signature(load).parameters
    wanted = [(field.name, field.default, field.type) for field in fields(Reading)]
    given = [(name, one.default, one.annotation) for name, one in parameters.items()]
    assert given[1:-1] == wanted
    assert (given[0][0], given[-1][0]) == ("source", "progress")
    assert {parameters[name].kind for name, *_ in wanted} == {inspect.Parameter.KEYWORD_ONLY}


def test_every_option_says_what_it_does():
    for field in fields(Reading):
        assert field.metadata["help"].endswith(".")


@pytest.mark.parametrize(
    "chosen",
    [
        {"size": (28,)},
        {"size": [28, 28]},
        {"size": (0, 28)},
        {"shape": (1, 2, 3, 4)},
        {"layout": "whc"},
        {"max_megapixels": 0},
        {"max_megapixels": 179},
        {"max_megabytes": float("inf")},
    ],
)
def test_what_is_out_of_range_is_named(chosen):
    with pytest.raises(ParameterError) as caught:
        Reading(**chosen)
    assert caught.value.parameter in chosen


def test_only_what_was_chosen_is_noted():
    reading = Reading(size=(3, 4), grey=True, max_megabytes=64.0)
    assert reading.chosen() == {"size": [3, 4], "grey": True}
    assert Reading.of(reading.chosen()) == reading
    with pytest.raises(DataError, match="no options of reading"):
        Reading.of({"sise": [3, 4]})
    with pytest.raises(TypeError):
        Reading((3, 4))
