"""What a page takes from metrics.json: of older runs less, and of a stranger's one clear line."""

import copy
import json
import math
from dataclasses import replace

import numpy as np
import pytest

from imlogit.cli.app import run as command
from imlogit.core.certificate import Certificate
from imlogit.data.image_set import ImageSet
from imlogit.report import run_folder
from imlogit.report.html.content import content_of
from imlogit.report.html.page import page_of
from imlogit.report.html.report_facts import MOST_SENTENCE, ReportFacts
from imlogit.report.run_folder import write_run
from imlogit.runs.options import SweepOptions, TrainOptions
from imlogit.runs.record import Record
from imlogit.runs.sweep import sweep
from imlogit.runs.train import train

HUGE = 10**400
CHECK = {"code": "a", "severity": "note", "status": "passed", "sentence": "b", "advice": "c"}
LONG = {"sentence": "x" * MOST_SENTENCE}


@pytest.fixture(scope="module")
def images():
    pixels = np.random.default_rng(0).integers(0, 256, (48, 6, 6), dtype=np.uint8)
    codes = np.arange(48) % 3
    pixels[codes == 1, :3] //= 3
    pixels[codes == 2, 3:] //= 3
    return ImageSet(pixels, codes, ("ant", "bee", "cat"), 36, "insects", "made here")


@pytest.fixture(scope="module")
def runs(images):
    how = {"folds": 2, "engine": "reference"}
    return {
        "train": train(images, TrainOptions(every_class=True, C=0.1, **how)),
        "sweep": sweep(images, SweepOptions(Cs=(0.01, 0.1, 1.0), **how)),
    }


def altered(metrics, place, value):
    """Return metrics in which a field, as in ``checks[0].void``, holds another value."""
    found = copy.deepcopy(metrics)
    *way, last = place.replace("[", ".[").split(".")
    inner = found
    for step in way:
        inner = inner[int(step[1:-1]) if step[0] == "[" else step]
    inner[int(last[1:-1]) if last[0] == "[" else last] = value
    return found


@pytest.mark.parametrize("job", ["train", "sweep"])
@pytest.mark.parametrize(
    ("place", "values"),
    [
        ("options", [None, [], "x"]),
        ("options.seed", [None, True, -1, 1.5, "0", 2**32, HUGE]),
        ("checks", [None, {}, "x", 3, [CHECK] * 100_000, [CHECK | LONG] * 4]),
        ("checks[3]", [None, [], "x", 1]),
        ("checks[0].code", [None, 3, [], "x" * 1001]),
        ("checks[0].severity", [None, 3, [], {}, "", "fatal"]),
        ("checks[0].status", [None, 3, [], {}, "", "Passed"]),
        ("checks[2].sentence", [None, 3, ["x"], "x" * (MOST_SENTENCE + 1)]),
        ("checks[0].advice", [None, 3, {}]),
        ("checks[0].void", [None, 0, "true", []]),
        ("checks[0].exhibits", [None, {}, 3, [{"rows": [["test", 0]]}] * 101]),
        ("certificate", [[], "x", 3, True]),
        ("certificate.status", [None, 3, "proved", []]),
        ("certificate.objective", [-1, "1", [], math.nan, math.inf, HUGE]),
        ("certificate.gap", [-1e-9, True, {}, math.nan]),
        ("certificate.tol", [None, 0, -1, "1e-6", math.nan, HUGE]),
        ("certificate.iterations", [None, -1, 1.0, True, HUGE]),
        ("certificate.passes", [None, -1, 1.0, "3"]),
        ("certificate.max_gradient", [-1, "0", math.inf]),
        ("certificate.gaps", [None, 3, "1", {}, [0.5] * 100_001]),
        ("certificate.gaps[0]", [None, "1e-3", True, -1.0, math.inf, math.nan, [], HUGE]),
    ],
)
def test_fields_of_both_jobs(runs, job, place, values):
    assert_refused(runs[job], place, values)


@pytest.mark.parametrize(
    ("place", "values"),
    [
        ("cross_validation", [[], 3, "x"]),
        ("cross_validation.folds", [None, {}, [], "x"]),
        ("cross_validation.folds[1]", [None, 3, []]),
        ("cross_validation.folds[1].n", [None, -1, 1.5, True, HUGE]),
        ("cross_validation.folds[0].values", [None, [], 3]),
        ("cross_validation.folds[0].values.accuracy", [None, 0.5, []]),
        ("cross_validation.folds[0].values.accuracy.value", [-0.1, 1.1, "1", True, math.nan]),
        ("cross_validation.folds[0].values.accuracy.low", [2, "0", []]),
        ("cross_validation.folds[0].values.accuracy.high", [None, 2, "0", []]),
        ("cross_validation.folds[0].values.log_loss.value", [-1, math.inf, 1e300, HUGE]),
        ("cross_validation.folds[0].certificate", [None, [], 3]),
        ("cross_validation.folds[0].certificate.relative_gap", [-1, "x", math.nan]),
        ("cross_validation.mean", [None, [], 3]),
        ("cross_validation.mean.accuracy", [2, "x", True]),
        ("cross_validation.std.log_loss", [-1, math.nan]),
        ("cross_validation.pooled", [None, [], 3]),
        ("cross_validation.pooled.base_rate", [None, -1, 2, "x", math.nan]),
    ],
)
def test_fields_of_a_training(runs, place, values):
    assert_refused(runs["train"], place, values)


@pytest.mark.parametrize(
    ("place", "values"),
    [
        ("path", [[], {}, 3, "x", [{}] * 100_000]),
        ("path[1]", [None, 3, []]),
        ("path[1].C", [None, 0, -1, True, "1", math.nan, math.inf, HUGE]),
        ("path[1].relative_gap", [None, -1, "x", math.inf]),
        ("path[1].log_loss", [None, 3, [], [0.1], [0.1] * 3, {}]),
        ("path[1].log_loss[1]", [None, -1, "x", True, math.nan, 1e300, [0.1]]),
        ("path[1].accuracy", [None, [], [0.1]]),
        ("path[1].accuracy[0]", [1.5, None, {}]),
        ("best", [None, 5.0, "0.1", [], True, math.nan]),
        ("chosen", [None, 5.0, "0.1", {}, True]),
    ],
)
def test_fields_of_a_sweep(runs, place, values):
    assert_refused(runs["sweep"], place, values)


def assert_refused(run, place, values):
    for value in values:
        with pytest.raises(ValueError, match="must be ") as raised:
            ReportFacts.of(altered(run.metrics, place, value), len(run.task.image_set))
        said = str(raised.value)
        assert said.startswith(f"{place} must be"), (value, said)
        assert "\n" not in said


@pytest.mark.parametrize(
    "rows", [None, 3, [], ["test", 0], [["other", 0]], [["test", -1]], [["test", True]], [["test"]]]
)
def test_rows_that_a_check_shows(runs, rows):
    run = runs["train"]
    n_images = len(run.task.image_set)
    shown = [{"rows": [["test", n_images - 1]]}, {"rows": rows}]
    metrics = altered(run.metrics, "checks[0].exhibits", shown)
    with pytest.raises(ValueError, match=r"checks\[0\].exhibits\[1\].rows must be"):
        ReportFacts.of(metrics, n_images)


def test_rows_that_there_are_not(runs):
    metrics = altered(runs["train"].metrics, "checks[0].exhibits", [{"rows": [["test", 7]]}])
    (shown,) = next(iter(ReportFacts.of(metrics, 8).checks)).exhibits
    assert shown.rows == (("test", 7),)
    with pytest.raises(ValueError, match="a row of the 7 images"):
        ReportFacts.of(metrics, 7)


@pytest.mark.parametrize("job", ["train", "sweep"])
def test_of_older_versions_the_page_lacks_what_they_did_not_say(runs, job):
    run = runs[job]
    newer = ("checks", "certificate", "cross_validation", "path", "options")
    older = {name: value for name, value in run.metrics.items() if name not in newer}
    content = content_of(run)
    facts = ReportFacts.of(older, len(run.task.image_set))
    page = page_of(replace(content, facts=facts))
    for key in ("checks", "folds", "sweep"):
        assert f'<section id="{key}"' not in page
    # the model file has one, too
    said = replace(content, facts=facts).certificate
    assert said == Certificate.from_dict(run.model.certificate)


def test_checks_of_older_versions_said_less(runs):
    run = runs["train"]
    bare = {name: CHECK[name] for name in ("code", "severity", "status", "sentence")}
    (found,) = ReportFacts.of(run.metrics | {"checks": [bare]}, 1).checks
    assert (found.sentence, found.advice, found.void, found.exhibits) == ("b", "", False, ())


@pytest.mark.parametrize(
    ("place", "value"),
    [
        ("certificate.objective", None),
        ("certificate.objective", 0),
        ("certificate.tol", 1e-300),
        ("certificate.gaps", [1e300, 1e-320, 0]),
        ("checks[0].sentence", "\ud800<b>"),
        ("cross_validation.mean.log_loss", 1e100),
        ("cross_validation.std.accuracy", None),
        ("cross_validation.folds[0].values.log_loss.value", None),
        ("path[0].C", 1e-305),
        ("path[2].C", 1e308),
        ("path[1].log_loss[0]", 1e100),
        ("path[1].relative_gap", 0),
    ],
)
@pytest.mark.filterwarnings("error")
def test_what_is_allowed_is_shown(runs, place, value):
    run = runs["sweep" if place.startswith("path") else "train"]
    metrics = altered(run.metrics, place, value)
    if place == "path[2].C":
        metrics |= {"best": metrics["path"][0]["C"], "chosen": value}
    elif place == "path[0].C":
        metrics |= {"best": value, "chosen": value}
    facts = ReportFacts.of(metrics, len(run.task.image_set))
    page = page_of(replace(content_of(run), facts=facts))
    assert page.encode().endswith(b"</html>")
    assert "<b>" not in page.replace("<bdi>", "")
    coordinates = page.partition('class="chart"')[2].partition("<details")[0]
    assert "nan" not in coordinates


@pytest.mark.parametrize(
    ("job", "place", "value"),
    [("train", "checks[3].sentence", 7), ("sweep", "path[1].log_loss", "x")],
)
def test_the_command_says_so_in_a_line(
    runs, images, tmp_path, monkeypatch, capsys, job, place, value
):
    monkeypatch.setattr(Record, "images", lambda *_, **__: images)
    monkeypatch.setattr(run_folder, "_picture", lambda *_: None)
    folder = write_run(runs[job], tmp_path / "run", report=False)
    spoiled = altered(json.loads((folder / "metrics.json").read_text()), place, value)
    (folder / "metrics.json").write_text(json.dumps(spoiled))
    assert command(["report", str(folder)]) == 2
    said = capsys.readouterr().err
    assert f"metrics.json: {place} must be" in " ".join(said.split())
    assert "Traceback" not in said
    assert not (folder / "report.html").exists()
