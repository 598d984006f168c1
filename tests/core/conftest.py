"""Every test that asks for `name` is run with each engine."""

import pytest

from helpers.engines import ENGINE_NAMES


@pytest.fixture(params=ENGINE_NAMES)
def name(request):
    return request.param
