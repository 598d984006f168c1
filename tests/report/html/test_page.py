"""The page of a run: the same from memory and from its files, safe, small, and fit for everyone."""

from dataclasses import replace

import numpy as np
import pytest

from imlogit.cli.app import run as command
from imlogit.data.image_set import ImageSet
from imlogit.evaluation.scores import OUT_OF_FOLD, TEST, score
from imlogit.report.html.content import content_in, content_of
from imlogit.report.html.pad import MOST_WEIGHTS
from imlogit.report.html.page import page_of
from imlogit.report.run_folder import write_run
from imlogit.runs.options import TrainOptions
from imlogit.runs.train import train

from helpers.awkward_names import striped_images
from helpers.browser import DESKTOP, PHONE, open_page
from helpers.tools import need

HOSTILE = "<script>throw 1</script>", "\"'\u202e--></script>"


@pytest.fixture(scope="module")
def run():
    options = TrainOptions(every_class=True, folds=2, C=0.1, engine="reference")
    return train(striped_images((12, 6), HOSTILE), options)


@pytest.fixture(scope="module")
def place(run, tmp_path_factory):
    return write_run(run, tmp_path_factory.mktemp("page") / "run")


@pytest.fixture(scope="module")
def digits_place(tmp_path_factory):
    """A run of images of the size of digits, which has a pad."""
    pixels = np.random.default_rng(0).integers(0, 256, (36, 28, 28), dtype=np.uint8)
    pixels[::2, 8:20, 12:16] = 255
    codes = np.arange(36) % 2
    images = ImageSet(pixels, codes, ("1", "0"), n_train=24, name="d", origin="o", sha256="0" * 64)
    result = train(images, TrainOptions(every_class=True, folds=2, C=0.1, engine="reference"))
    return write_run(result, tmp_path_factory.mktemp("digits") / "run")


def many_classes(run, n=10_000, n_classes=100):
    """A run's content with as many mistakes as images, which are of colour and noise."""
    rng = np.random.default_rng(0)
    names = tuple(f"class {k}" for k in range(n_classes))
    pixels = rng.integers(0, 256, (n, 32, 32, 3), dtype=np.uint8)
    codes = rng.integers(0, n_classes, n)
    images = ImageSet(pixels, codes, names, n_train=n, name="noise", origin="made", sha256="0" * 64)
    p = rng.dirichlet(np.ones(n_classes), n)
    p[np.arange(n), codes] = 0
    p /= p.sum(axis=1, keepdims=True)
    content = content_of(run)
    rows = np.arange(n)
    kept = replace(
        content.predictions,
        **{f"{part}_rows": rows for part in ("train", "test")},
        **{f"{part}_codes": codes for part in ("train", "test")},
        **{f"{part}_probabilities": p for part in ("train", "test")},
        train_folds=rows % 2,
        names=(),
    )
    metrics = content.metrics | {"classes": list(names), "checks": []}
    scores = [score(codes, p, origin=origin) for origin in (OUT_OF_FOLD, TEST)]
    return replace(
        content, metrics=metrics, images=images, predictions=kept, pooled=scores[0], test=scores[1]
    )


def test_the_same_bytes_from_memory_and_from_the_files(run, place):
    (place / "command.txt").write_text(run.command() + "\n")
    from_files = content_in_run(run, place)
    assert page_of(from_files).encode() == (place / "report.html").read_bytes()


def content_in_run(run, place):
    """Read a run whose images are in no cache back, with the images that are at hand."""
    from imlogit.runs.record import Record

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Record, "images", lambda *_, **__: run.task.image_set)
        return content_in(place)


def test_no_report_is_written_where_none_is_wanted(run, tmp_path):
    assert not (write_run(run, tmp_path / "run", report=False) / "report.html").exists()


def test_opening_a_page_that_is_not_there_says_how_to_write_it(tmp_path, capsys):
    assert command(["open", str(tmp_path)]) == 2
    assert "imlogit report" in capsys.readouterr().err


def test_the_page_is_valid_html(place):
    need("html5lib").HTMLParser(strict=True).parse((place / "report.html").read_text())


def test_a_hundred_classes_and_ten_thousand_mistakes_stay_below_the_limit(run):
    text = page_of(many_classes(run))
    assert len(text.encode()) < 3_000_000
    assert "100 classes" in text


def test_the_largest_weights_of_a_pad_leave_the_page_below_the_limit(run):
    content = many_classes(run, n=3_000, n_classes=65)
    weights = np.random.default_rng(1).normal(size=(65, 32 * 32 * 3))
    assert 0.99 * MOST_WEIGHTS < weights.size <= MOST_WEIGHTS
    other = {"coef": weights, "intercept": np.zeros(65), "classes": content.names}
    model = replace(
        content.model, image_shape=(32, 32, 3), multi_class="multinomial", threshold=None, **other
    )
    text = page_of(replace(content, model=model))
    assert 1_000_000 < len(text.encode()) < 3_000_000
    assert 'id="model-data"' in text


@pytest.mark.parametrize("size", [DESKTOP, PHONE], ids=["desktop", "phone"])
def test_what_is_drawn_on_its_pad_is_answered(browser, digits_place, size):
    from axe_playwright_python.sync_playwright import Axe

    with open_page(browser, digits_place / "report.html", size) as page:
        board = page.locator('[data-pad="board"]')
        board.scroll_into_view_if_needed()
        box = board.bounding_box()
        x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 4
        page.mouse.move(x, y)
        page.mouse.down()
        page.mouse.move(x, y + box["height"] / 2, steps=8)
        page.mouse.up()
        page.wait_for_selector('[data-pad="verdict"]', timeout=5_000)
        assert page.locator('[data-pad="probability"]').inner_text()
        result = Axe().run(page)
        assert result.violations_count == 0, result.generate_report()


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("size", [DESKTOP, PHONE], ids=["desktop", "phone"])
def test_everyone_can_read_it(browser, place, size, dark):

    with open_page(browser, place / "report.html", size, dark=dark) as page:
        found = page.evaluate("document.documentElement.scrollWidth")
        assert found <= size[0]
        assert page.locator("bdi", has_text=HOSTILE[0]).count()
        result = need("axe_playwright_python.sync_playwright").Axe().run(page)
        assert result.violations_count == 0, result.generate_report()


def test_a_cell_shows_its_images_and_ticks_are_downloaded(browser, place):
    with open_page(browser, place / "report.html") as page:
        cells = page.locator("[data-cell]")
        cells.nth(0).focus()
        page.keyboard.press("Enter")
        cells.nth(1).click()
        assert page.locator("#cells > div").count() == 2
        assert page.locator("#cells svg").count()
        page.locator("[data-doubt]").first.check()
        with page.expect_download() as download:
            page.locator("#download").click()
        assert len(download.value.path().read_text().splitlines()) == 2
