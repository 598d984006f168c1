"""What charts show: round ticks, everything within them, and the known answers of small fits."""

from dataclasses import replace

import numpy as np
import pytest

from imlogit.estimators.logistic_cv import CPath
from imlogit.report.html.charts import Axis
from imlogit.report.html.content import content_of
from imlogit.report.html.fit_charts import (
    MOST_ROWS,
    flat_part,
    fold_charts,
    gap_chart,
    path_charts,
)
from imlogit.report.html.score_charts import interval_chart


@pytest.mark.parametrize(
    ("axis", "expected"),
    [
        (Axis("", 0, 1), ["0", "0.2", "0.4", "0.6", "0.8", "1"]),
        (Axis("", 0.913, 0.977), ["0.92", "0.94", "0.96"]),
        (Axis("", -3, 22), ["0", "5", "10", "15", "20"]),
        (Axis("", 0.4, 3.6, whole=True), ["1", "2", "3"]),
        (Axis("", 0.4, 1000.6, whole=True), ["200", "400", "600", "800", "1000"]),
        (Axis("", 5e-8, 300, log=True), ["1e-6", "1e-4", "0.01", "1", "100"]),
        (Axis("", 0.04, 0.3, log=True), ["0.05", "0.1", "0.2"]),
        (Axis("", 0.31, 0.33, log=True), ["0.32"]),
    ],
)
def test_ticks_are_round_and_few(axis, expected):
    assert [words for _, words in axis.ticks] == expected
    assert all(0 <= axis.share(value) <= 1 for value, _ in axis.ticks)


def path(loss, Cs=(0.1, 1.0, 10.0, 100.0), chosen=1):
    loss = np.array(loss, dtype=np.float64)
    return CPath(np.array(Cs), -loss, loss, 1 - loss, np.full(len(Cs), 1e-7), chosen, chosen)


@pytest.mark.parametrize(
    ("loss", "expected"),
    [
        # the lowest mean is 0.3, and its standard error 0.1
        ([[0.45, 0.2, 0.35, 0.9], [0.45, 0.4, 0.35, 0.9]], (1.0, 10.0)),
        # what is as good but lies beyond worse ones is no part of it
        ([[0.35, 0.2, 0.9, 0.35], [0.35, 0.4, 0.9, 0.35]], (0.1, 1.0)),
        ([[0.45, 0.2, 0.9, 0.9]], None),
    ],
)
def test_the_flat_part_of_a_path(loss, expected):
    assert flat_part(path(loss)) == expected


@pytest.mark.parametrize("Cs", [(0.1,), (1e-3, 1e3)])
@pytest.mark.parametrize("n_folds", [1, 3])
def test_a_path_of_any_length_lies_within_its_chart(Cs, n_folds):
    loss = np.linspace(0.3, 0.2, n_folds)[:, None] + np.arange(len(Cs)) / 10
    charts = path_charts(path(loss, Cs, chosen=0))
    assert [chart.title for chart in charts] == ["Log loss over C", "Accuracy over C"]
    for chart in charts:
        assert_within(chart)
        # there is no deviation of one fold
        assert ("spread" in [band.kind for band in chart.bands]) == (n_folds > 1)
        assert f"C = {Cs[0]:.3g}" in chart.lines[1].name


def assert_within(chart):
    left, right, top, bottom = chart.corners
    for points in [*map(chart.path, chart.lines), *map(chart.area, chart.bands)]:
        for point in points.split():
            x, y = map(float, point.split(","))
            assert left <= x <= right
            assert top <= y <= bottom
    for line in chart.lines:
        for dot in line.marks:
            assert left <= chart.x(dot.x) <= right
            assert top <= chart.y(dot.y) <= bottom


def test_figures_stand_in_their_intervals_below_the_base_rate(training):
    content = content_of(training)
    chart = interval_chart(content)
    figures, base = chart.lines
    assert base.marks[0].x == content.test.base_rate
    names = [words for _, words in chart.up.ticks]
    assert names[:2] == ["base rate", "accuracy"]
    assert "log loss" not in names
    rows = [one.y for one in (*base.marks, *figures.marks)]
    assert rows == [value for value, _ in chart.up.ticks]
    left, right, *_ = chart.corners
    for one in figures.marks:
        places = [chart.x(value) for value in (one.low, one.x, one.high) if value is not None]
        assert left <= places[0] <= places[-1] <= right
        assert places == sorted(places)


def test_folds_show_what_they_scored_beside_mean_and_base_rate(training):
    found = training.metrics["cross_validation"]
    accuracy, loss = fold_charts(found)
    dots, mean, base = accuracy.lines
    assert [one.y for one in dots.marks] == [
        fold["values"]["accuracy"]["value"] for fold in found["folds"]
    ]
    assert (mean.y[0], base.y[0]) == (found["mean"]["accuracy"], found["pooled"]["base_rate"])
    assert len(loss.lines) == 2
    assert_within(accuracy)
    assert_within(loss)


def test_gaps_go_down_to_what_is_proved(training):
    content = content_of(training)
    proof = training.metrics["certificate"]
    chart = gap_chart(content)
    gaps, asked = chart.lines
    assert gaps.y[-1] == pytest.approx(proof["relative_gap"], rel=0.01)
    assert gaps.y[-1] < asked.y[0] == proof["tol"]
    assert len(gaps.y) == len(proof["gaps"]) > 1
    assert_within(chart)
    # runs of older versions do not say them
    assert gap_chart(with_gaps(content, ())) is None


def with_gaps(content, gaps):
    return replace(content, facts=replace(content.facts, gaps=gaps))


def test_gaps_that_come_down_to_nothing_are_drawn_at_the_lowest(training):
    content = content_of(training)
    chart = gap_chart(with_gaps(content, (1.0, 1e-4, 0.0)))
    assert chart.lines[0].y.tolist() == [1.0, 1e-4, 1e-4]
    assert chart.table.rows[-1] == ("2", "0.00e+00")


def test_tables_end(training):
    content = content_of(training)
    found = training.metrics["cross_validation"]
    table = fold_charts(found | {"folds": found["folds"] * 500})[0].table
    assert (len(table.rows), table.notes) == (MOST_ROWS, ("800 more: metrics.json",))
    chart = gap_chart(with_gaps(content, tuple(np.geomspace(1, 1e-7, 5000).tolist())))
    assert len(chart.table.rows) == MOST_ROWS
    # from the first step to the last
    assert chart.table.rows[0] == ("0", "1.00e+00")
    assert chart.table.rows[-1] == ("4999", "1.00e-07")
    assert_within(chart)
