"""The table of a model shows every name as it is."""

from imlogit.model.file import read
from imlogit.report.console.printing import print_table
from imlogit.report.console.tables import model_table

from helpers.awkward_names import NAMES


def test_model(record, console):
    print_table(console.console, model_table(read(record.folder / "model.imlogit")))
    assert ", ".join(NAMES) in console.text()
