"""The table of a model shows every name as it is."""

from dataclasses import replace

from imlogit.model.file import read
from imlogit.report.console.printing import print_table
from imlogit.report.console.tables import model_table

from helpers.awkward_names import NAMES


def test_model(record, console):
    print_table(console.console, model_table(read(record.folder / "model.imlogit")))
    assert ", ".join(NAMES) in console.text()


def test_a_model_whose_objective_is_not_finite(record, console):
    model = read(record.folder / "model.imlogit")
    print_table(
        console.console,
        model_table(replace(model, certificate=model.certificate | {"objective": None})),
    )
    assert "not finite" in console.text()
