"""Classes named as people name folders, in colour too: tables and figures show them as they are."""

import io
import re
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image
from rich.console import Console

from imlogit.checks.finding import Exhibit, Status
from imlogit.cli.output import result_console
from imlogit.data.image_set import ImageSet
from imlogit.errors import GridEdgeWarning
from imlogit.report.console import examined
from imlogit.report.console.printing import print_table
from imlogit.report.console.summaries import print_sweep, print_training
from imlogit.report.console.tables import model_table
from imlogit.report.pictures import figures, sheets
from imlogit.report.run_folder import write_run
from imlogit.runs.examine import compare, doubts, exemplars_of, explain_row
from imlogit.runs.options import SweepOptions, TrainOptions
from imlogit.runs.record import open_record
from imlogit.runs.sweep import sweep
from imlogit.runs.train import train

# matplotlib's, of letters that it cannot draw and of what does not fit
pytestmark = pytest.mark.filterwarnings("error:(Glyph|Matplotlib|constrained):UserWarning")

# each would be something else to rich, to matplotlib, or to both
NAMES = (
    "[red]x",
    "[/]",
    ":smile:",
    "a$b$c",
    r"$\frac{$",
    r"\$5$",
    "<script>",
    "猫と犬",
    "العربية",
    "_hidden",
    "x" * 30 + " y" * 15,
)


def made(shape, names=NAMES, per_class=8, name="set"):
    """Noisy images, those of each class with a bright stripe of its own."""
    rng = np.random.default_rng(0)
    labels = np.repeat(np.arange(len(names)), per_class)
    images = rng.integers(0, 120, (len(labels), *shape), dtype=np.uint8)
    for row, code in enumerate(labels):
        images[row, code % shape[0]] += 100
    return ImageSet(images, labels, names, len(labels), name, "made by hand")


@pytest.fixture(scope="module", params=[(12, 6), (12, 6, 3)], ids=["grey", "colour"])
def training(request):
    options = TrainOptions(every_class=True, folds=2, C=0.1, engine="reference")
    return train(made(request.param, name="$set$ [b]"), options)


@pytest.fixture(scope="module")
def record(training, tmp_path_factory):
    return open_record(write_run(training, tmp_path_factory.mktemp("named") / "[b]$run$"))


@pytest.fixture
def console(monkeypatch, capsys):
    """The console for results, wide enough to break no name, and what is printed on it."""
    monkeypatch.setenv("COLUMNS", "900")

    class Printed:
        console = result_console()

        def text(self):
            return capsys.readouterr().out

    return Printed()


def drawn(picture):
    """Return a picture's pixels as RGB."""
    assert picture.startswith(b"\x89PNG")
    return np.asarray(Image.open(io.BytesIO(picture)).convert("RGB"))


def colours_in(picture):
    """Return how much of a picture is neither black, grey nor white."""
    pixels = drawn(picture).astype(int)
    return (np.ptp(pixels, axis=2) > 30).mean()


class TestTables:
    def test_training(self, training, console):
        print_training(console.console, training)
        text = console.text()
        for name in NAMES:
            # the classes, the confusion matrix and the figures of each class
            assert text.count(name) >= 3, name
        assert "$set$ [b], made by hand" in text

    def test_a_narrow_console_breaks_long_names_and_loses_no_letter(self):
        two = made((4, 4), (NAMES[-1], "short"))
        found = train(two, TrainOptions(folds=2, engine="reference"))
        console = Console(file=io.StringIO(), width=60, markup=False, emoji=False)
        print_training(console, found)
        matrix = console.file.getvalue().split("Confusion matrix")[1].split("Calibration")[0]
        assert matrix.count("x") == 2 * 30
        assert "…" not in matrix

    def test_sweep(self, console):
        chosen = SweepOptions(positive=":smile:", folds=2, engine="reference", Cs=(0.01, 0.1))
        with pytest.warns(GridEdgeWarning):
            found = sweep(made((12, 6)), chosen)
        print_sweep(console.console, found)
        assert "':smile:' against 'not :smile:'" in console.text()

    def test_what_examines_a_run(self, record, training, console):
        examined.print_doubts(console.console, doubts(record), 10_000)
        doubted = console.text()
        examined.print_exemplars(console.console, exemplars_of(record))
        telling = console.text()
        for name in NAMES:
            assert name in doubted
            assert name in telling
        found = explain_row(record, training.task.image_set, 0)
        examined.print_explanation(console.console, found)
        text = console.text()
        for code in (found.evidence.toward, found.evidence.against):
            assert f"probability of {NAMES[code]} " in text
            assert f"pixels for {NAMES[code]} " in text
        examined.print_comparison(
            console.console, compare(record, record), ("[b]one", "$two$ :smile:")
        )
        text = console.text()
        assert "[b]one" in text
        assert "$two$ :smile:" in text

    def test_model(self, record, console):
        from imlogit.model.file import read

        print_table(console.console, model_table(read(record.folder / "model.imlogit")))
        assert ", ".join(NAMES) in console.text()

    def test_what_a_terminal_shows_while_it_works(self, monkeypatch, capsys):
        from imlogit.cli.terminal import progress_bars, working

        monkeypatch.setattr("sys.stderr.isatty", lambda: True)
        with progress_bars() as (loading, _):
            loading("reading [/] :smile:", 1, 2)
        with working("writing [/] :smile:"):
            pass


class TestFigures:
    def test_samples(self, training):
        coloured = colours_in(figures.sample_sheet(training.task.image_set))
        assert (coloured > 0.1) == (training.task.image_set.images.ndim == 4)

    def test_weights(self, training):
        shape = training.task.image_set.image_shape
        picture = figures.weight_sheet(training.model.coef, shape, training.task.target.names)
        assert colours_in(picture) > 0.05

    def test_sheets_of_images(self, record, training):
        images = training.task.image_set
        telling = sheets.exemplar_sheet(images, record.predictions, exemplars_of(record))
        for picture in (sheets.doubt_sheet(images, doubts(record)), telling):
            assert (colours_in(picture) > 0.05) == (images.images.ndim == 4)

    def test_findings(self, training):
        name = NAMES[-1]
        one = replace(
            training.checks.findings[0],
            status=Status.FAILED,
            exhibits=(Exhibit((("training", 0), ("test", 1)), f"label {name} and $a$"),),
        )
        drawn(
            sheets.exhibit_sheet(training.task.image_set, replace(training.checks, findings=(one,)))
        )

    @pytest.mark.parametrize("number", range(5))
    def test_evidence(self, record, training, number):
        drawn(sheets.evidence_figure(explain_row(record, training.task.image_set, number)))

    def test_a_long_name_leaves_the_picture_its_size(self):
        names = ("a", "b"), ("n" * 60, "m" * 60)
        widths = [
            drawn(figures.sample_sheet(made((8, 8), of, name="n" * 60))).shape[1] for of in names
        ]
        assert widths[0] < widths[1] < 1.2 * widths[0]

    @pytest.mark.parametrize("channels", [1, 2, 4, 5])
    def test_other_numbers_of_channels(self, channels):
        images = made((6, 5, channels), ("a", "b"))
        drawn(figures.sample_sheet(images))
        drawn(figures.weight_sheet(np.ones((2, 30 * channels)), (6, 5, channels), ("a", "b")))

    def test_many_classes(self):
        names = tuple(map(str, range(400)))
        drawn(figures.sample_sheet(made((4, 4), names, per_class=1)))
        high = drawn(figures.weight_sheet(np.ones((400, 48)), (4, 4, 3), names)).shape[0]
        assert high < 10_000


class TestEvidence:
    def test_channels_are_added_up_and_the_bars_sum_what_the_picture_shows(self, record, training):
        found = explain_row(record, training.task.image_set, 0)
        evidence, image = found.evidence, found.image
        weights = record.model.coef[evidence.toward] - record.model.coef[evidence.against]
        by_hand = (weights.reshape(image.shape) * image / 255).reshape(12, 6, -1).sum(axis=2)
        assert evidence.by_place == pytest.approx(by_hand)
        assert evidence.by_place.sum() + evidence.intercept == pytest.approx(evidence.margin)

    def test_the_picture_is_red_where_a_pixel_speaks_for_the_class(self, record, training):
        found = explain_row(record, training.task.image_set, 0)
        one = np.zeros(found.image.shape)
        one[0] = 1.0
        one[-1] = -1.0
        changed = replace(found, evidence=found.evidence._replace(pixels=one))
        pixels = drawn(sheets.evidence_figure(changed)).astype(int)
        # the panel in the middle, without the scale beside it
        middle = pixels[:, pixels.shape[1] // 3 : pixels.shape[1] // 2]
        red = np.flatnonzero((middle[:, :, 0] - middle[:, :, 2] > 40).any(axis=1))
        blue = np.flatnonzero((middle[:, :, 2] - middle[:, :, 0] > 40).any(axis=1))
        assert red.max() < blue.min()


class TestText:
    @pytest.mark.parametrize("name", NAMES)
    def test_matplotlib_draws_the_letters_of_a_name(self, name):
        from matplotlib.text import Text

        text, is_formula = Text(text=figures.plain(name))._preprocess_math(figures.plain(name))
        assert (text, is_formula) == (name, False)

    @pytest.mark.parametrize(
        ("name", "expected"),
        [
            ("exactly twenty chars", "exactly twenty chars"),
            ("n01440764 tench, Tinca tinca", "n01440764 ten… tinca"),
            ("猫" * 10, "猫" * 10),
            ("猫" * 11, "猫" * 6 + "…" + "猫" * 3),
            ("two\nlines", r"two\nlines"),
        ],
    )
    def test_short(self, name, expected):
        assert figures.short(name) == expected

    def test_bars_of_names_that_are_cut_to_the_same_stay_apart(self, record, training):
        found = explain_row(record, training.task.image_set, 0)
        alike = tuple(f"{'x' * 30}{k}{'y' * 30}" for k in range(len(NAMES)))
        assert len(set(map(figures.short, alike))) == 1
        drawn(sheets.evidence_figure(replace(found, names=alike)))
        assert re.fullmatch("x+…y+", figures.short(alike[0]))
