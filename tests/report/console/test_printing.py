"""What commands print, at several widths and in several alphabets, beside what is stored.

With ``IMLOGIT_STORE=1`` in the environment it is stored anew: look at each of them.
"""

import os
from pathlib import Path

import pytest
from rich.cells import cell_len

from helpers.printed import SETS, Found, FoundLabels, masked, printed

STORED = Path(__file__).with_name("printed")
FORMS = {
    "60": (60, "utf-8"),
    "80": (80, "utf-8"),
    "120": (120, "utf-8"),
    "80-ascii": (80, "ascii"),
}


@pytest.fixture(scope="module", params=[*SETS, "labels"])
def found(request, tmp_path_factory):
    name = request.param
    if name == "labels":
        return name, FoundLabels(tmp_path_factory.mktemp(name) / "run")
    return name, Found(name)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("form", FORMS)
def test_what_is_printed(found, form):
    name, results = found
    text = printed(results, *FORMS[form], verbose=True)
    place = STORED / f"{name}-{form}.txt"
    if os.environ.get("IMLOGIT_STORE"):
        place.write_text(masked(text), encoding="utf-8", newline="\n")
    assert masked(text) == place.read_text(encoding="utf-8")
    lines = text.splitlines()
    assert [line for line in lines if line != line.rstrip()] == []
    assert [line for line in lines if cell_len(line) > FORMS[form][0]] == []
