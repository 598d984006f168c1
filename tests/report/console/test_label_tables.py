import numpy as np
import pytest

from imlogit.evaluation.label_figures import label_figures
from imlogit.report.console.label_tables import label_tables, verdict_on_labels
from imlogit.report.console.layout import Letters, fit

NAMES = ("x" * 50, "[red]b", "c\nd")
RNG = np.random.default_rng(0)
Y = (RNG.random((40, 3)) < 0.4).astype(np.uint8)
Y[:, 2] = 1


@pytest.fixture(scope="module")
def found():
    return label_figures(NAMES, Y, RNG.random((40, 3)), "test").to_dict()


@pytest.mark.parametrize(("room", "n_columns"), [(160, 7), (80, 5), (60, 4)])
def test_figures_are_merged_before_a_label_is_left_out(found, room, n_columns):
    table, widths = fit(label_tables(found)[1], room, Letters("utf-8"))
    assert len(table.columns) == len(widths) == n_columns
    assert table.columns[0].name == "label"
    assert [row[0] for row in table.rows][1] == "[red]b"
    assert "undefined" in table.rows[2]
    assert all("\n" not in cell for row in table.rows for cell in row)


def test_the_means_name_the_labels_that_they_leave_out(found):
    means = label_tables(found)[0]
    assert means.title == "40 test rows, means over 2 labels"
    assert means.rows[0][0] == "mean average precision"
    assert means.notes[0].startswith("Without figures, as no row has them or every row: c")
    assert f"{found['base_rate']:.4f}" in verdict_on_labels(found)
