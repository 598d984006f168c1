"""Sheets of images with captions, whatever the classes are called."""

import re
from dataclasses import replace

import numpy as np
import pytest

from imlogit.checks.finding import Exhibit, Status
from imlogit.model.head import white_of
from imlogit.report.pictures import sheets
from imlogit.report.pictures.letters import short
from imlogit.report.run_folder import write_run
from imlogit.runs.doubts import doubts
from imlogit.runs.examine import exemplars_of, explain_row
from imlogit.runs.options import TrainOptions
from imlogit.runs.record import open_record
from imlogit.runs.train import train

from helpers.awkward_names import NAMES, striped_images
from helpers.pictures import colours_in, cut_texts_of, rgb_of, texts_of

# matplotlib's, of letters that it cannot draw and of what does not fit
pytestmark = pytest.mark.filterwarnings("error:(Glyph|Matplotlib|constrained):UserWarning")


def test_sheets_of_images(record, training):
    images = training.task.image_set
    telling = sheets.exemplar_sheet(images, record.predictions, exemplars_of(record))
    for picture in (sheets.doubt_sheet(images, doubts(record)), telling):
        assert (colours_in(picture) > 0.01) == (images.images.ndim == 4)


def test_findings(training):
    name = NAMES[-1]
    one = replace(
        training.checks.findings[0],
        status=Status.FAILED,
        exhibits=(Exhibit((("training", 0), ("test", 1)), f"label {name} and $a$"),),
    )
    images = training.task.image_set
    picture = sheets.exhibit_sheet(images, replace(training.checks, findings=(one,)))
    # the image itself is there, and nothing else has colours
    assert (colours_in(picture) > 0.02) == (images.images.ndim == 4)


@pytest.mark.parametrize("number", range(5))
def test_evidence(record, training, number):
    found = explain_row(record, training.task.image_set, number)
    image, places, sums = np.array_split(
        rgb_of(sheets.evidence_figure(found)).astype(int), 3, axis=1
    )
    shows_colour = (np.ptp(image, axis=2) > 30).mean() > 0.05
    assert shows_colour == (found.image.ndim == 3)
    for panel in (places, sums):
        red_less_blue = panel[:, :, 0] - panel[:, :, 2]
        assert red_less_blue.max() > 100
        assert red_less_blue.min() < -100


def test_channels_are_added_up_and_the_bars_sum_what_the_picture_shows(record, training):
    found = explain_row(record, training.task.image_set, 0)
    evidence, image = found.evidence, found.image
    weights = record.model.coef[evidence.toward] - record.model.coef[evidence.against]
    by_hand = (weights.reshape(image.shape) * image / 255).reshape(12, 6, -1).sum(axis=2)
    assert evidence.by_place == pytest.approx(by_hand)
    assert evidence.by_place.sum() + evidence.intercept == pytest.approx(evidence.margin)


def test_the_picture_is_red_where_a_pixel_speaks_for_the_class(record, training):
    found = explain_row(record, training.task.image_set, 0)
    one = np.zeros(found.image.shape)
    one[0] = 1.0
    one[-1] = -1.0
    changed = replace(found, evidence=found.evidence._replace(pixels=one))
    pixels = rgb_of(sheets.evidence_figure(changed)).astype(int)
    # the panel in the middle, without the scale beside it
    middle = pixels[:, pixels.shape[1] // 3 : pixels.shape[1] // 2]
    middle = middle[: sheets.HEAD + 30 + sheets.PANEL]
    red = np.flatnonzero((middle[:, :, 0] - middle[:, :, 2] > 40).any(axis=1))
    blue = np.flatnonzero((middle[:, :, 2] - middle[:, :, 0] > 40).any(axis=1))
    assert red.max() < blue.min()


def test_bars_of_names_that_are_cut_to_the_same_stay_apart(record, training):
    found = explain_row(record, training.task.image_set, 0)
    alike = tuple(f"{'x' * 30}{k}{'y' * 30}" for k in range(len(NAMES)))
    assert len(set(map(short, alike))) == 1
    evidence = found.evidence._replace(intercept=found.evidence.margin)
    sums = rgb_of(sheets.evidence_figure(replace(found, names=alike, evidence=evidence)))
    sums = sums[:, sums.shape[1] * 2 // 3 :].astype(int)
    rows = (np.ptp(sums, axis=2) > 60).any(axis=1)
    assert (np.diff(np.r_[False, rows].astype(int)) == 1).sum() == 4
    assert re.fullmatch("x+…y+", short(alike[0]))


@pytest.mark.parametrize("n", [1, 8, 12, 60])
def test_as_many_doubts_as_asked_for_up_to_a_page(record, training, pages, n):
    png = sheets.doubt_sheet(training.task.image_set, doubts(record), n)
    assert len(pages[0]._images) == min(n, sheets.MOST_DOUBTS)
    said = f"{n - sheets.MOST_DOUBTS} more not shown"
    assert any(said in text for text in texts_of(pages[0])) == (n > sheets.MOST_DOUBTS)
    assert not cut_texts_of(pages[0])
    assert max(rgb_of(png).shape) <= 1000


def test_no_telling_image_is_shown_twice(record, training, pages):
    png = sheets.exemplar_sheet(training.task.image_set, record.predictions, exemplars_of(record))
    rows = [text for text in texts_of(pages[0]) if text.startswith("row ")]
    assert len(set(rows)) == len(rows) > 10
    assert "1 more class not shown" in " ".join(texts_of(pages[0]))
    assert not cut_texts_of(pages[0])
    assert max(rgb_of(png).shape) <= 1000


def test_an_explanation_gives_probabilities_and_is_not_cut(record, training, pages):
    found = explain_row(record, training.task.image_set, 0)
    png = sheets.evidence_figure(replace(found, where="w" * 200))
    assert f"{found.probabilities.max():.3g}" in " ".join(texts_of(pages[0]))
    assert not cut_texts_of(pages[0])
    assert max(rgb_of(png).shape) <= 1000


@pytest.fixture(scope="module")
def of_16_greys(tmp_path_factory):
    """A run of images with pixels from 0 to 16."""
    images = striped_images((6, 6), ("a", "b"), name="greys")
    images = replace(images, images=images.images // 14, sha256="")
    run = train(images, TrainOptions(folds=2, pixel_max=16, engine="reference"))
    return run, open_record(write_run(run, tmp_path_factory.mktemp("greys") / "run"))


@pytest.mark.parametrize("picture", ["samples", "doubts", "exemplars", "findings", "explain"])
def test_what_is_white_to_a_model_is_drawn_white(of_16_greys, picture):
    run, record = of_16_greys
    images = run.task.image_set
    white = white_of(record.model.pixel_scale)
    assert white == 16
    exhibits = (Exhibit((("training", 0),), "an image"),)
    one = replace(run.checks.findings[0], status=Status.FAILED, exhibits=exhibits)
    findings = replace(run.checks, findings=(one,))
    draw = {
        "samples": lambda: (record.folder / "samples.png").read_bytes(),
        "doubts": lambda: sheets.doubt_sheet(images, doubts(record), white=white),
        "exemplars": lambda: sheets.exemplar_sheet(
            images, record.predictions, exemplars_of(record), white
        ),
        "findings": lambda: sheets.exhibit_sheet(images, findings, white),
        "explain": lambda: sheets.evidence_figure(explain_row(record, images, 0)),
    }
    drawn = rgb_of(draw[picture]())
    shades = np.rint(np.arange(17) * 255 / 16)
    # the greys between, which no letter and no frame has by chance as often
    assert (
        np.isin(drawn[..., 0], shades[4:8]).mean() > 10 * np.isin(drawn[..., 0], [4, 5, 6]).mean()
    )
