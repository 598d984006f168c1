"""The page of a run or an evaluation: safe, small, fit for everyone, the same from its files."""

import re
from dataclasses import replace

import numpy as np
import pytest

from imlogit.checks.finding import Findings
from imlogit.cli.app import run as command
from imlogit.data.image_set import ImageSet
from imlogit.evaluation.scores import OUT_OF_FOLD, TEST, score
from imlogit.report import run_folder
from imlogit.report.html.content import content_in, content_of, content_of_evaluation
from imlogit.report.html.pad import MOST_WEIGHTS
from imlogit.report.html.page import page_of
from imlogit.report.html.sides import MOST_WRONG
from imlogit.report.run_folder import write_run
from imlogit.runs.assess import SEEN, evaluate
from imlogit.runs.options import SweepOptions, TrainOptions
from imlogit.runs.sweep import sweep
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
def swept():
    options = SweepOptions(Cs=(0.01, 0.1, 1.0), folds=2, engine="reference")
    return sweep(striped_images((12, 6), HOSTILE), options)


@pytest.fixture(scope="module")
def others():
    """Images of the run's classes that its model has not seen."""
    found = striped_images((12, 6), HOSTILE)
    return replace(found, images=found.images ^ 1, sha256="1" * 64)


@pytest.fixture(scope="module")
def pages(run, place, swept, others, tmp_path_factory):
    """A page of each kind, by the name of what makes it."""
    folder = tmp_path_factory.mktemp("pages")
    assessed = content_of_evaluation(evaluate(run.model, others), run.model, "imlogit evaluate")
    for name, content in {"sweep": content_of(swept), "evaluate": assessed}.items():
        (folder / f"{name}.html").write_text(page_of(content), encoding="utf-8")
    return {"train": place / "report.html"} | {one.stem: one for one in folder.iterdir()}


@pytest.fixture(scope="module")
def digits():
    """Images of the size of digits."""
    pixels = np.random.default_rng(0).integers(0, 256, (36, 28, 28), dtype=np.uint8)
    pixels[::2, 8:20, 12:16] = 255
    codes = np.arange(36) % 2
    return ImageSet(pixels, codes, ("1", "0"), n_train=24, name="d", origin="o", sha256="0" * 64)


@pytest.fixture(scope="module")
def digits_place(digits, tmp_path_factory):
    """A run that has a pad."""
    result = train(digits, TrainOptions(every_class=True, folds=2, C=0.1, engine="reference"))
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
    scores = [score(codes, p, origin=origin) for origin in (OUT_OF_FOLD, TEST)]
    model = replace(
        content.model,
        coef=rng.normal(size=(n_classes, pixels[0].size)),
        intercept=np.zeros(n_classes),
        classes=names,
        image_shape=(32, 32, 3),
        multi_class="multinomial",
    )
    return replace(
        content,
        facts=replace(content.facts, checks=Findings(())),
        images=images,
        model=model,
        predictions=kept,
        pooled=scores[0],
        test=scores[1],
    )


@pytest.mark.parametrize("job", ["train", "sweep"])
def test_the_same_bytes_from_memory_and_from_the_files(
    run, place, swept, pages, job, tmp_path, monkeypatch
):
    if job == "sweep":
        monkeypatch.setattr(run_folder, "_picture", lambda *_: None)
        run, place = swept, write_run(swept, tmp_path / "run", report=False)
    from_files = content_in_run(run, place)
    assert page_of(from_files).encode() == pages[job].read_bytes()


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


@pytest.mark.parametrize("job", ["train", "sweep", "evaluate"])
def test_the_page_is_valid_html(pages, job):
    need("html5lib").HTMLParser(strict=True).parse(pages[job].read_text())


def sections_in(text):
    return re.findall(r'<section id="(\w+)"', text)


def test_a_page_has_the_sections_that_there_is_something_to_say_of(pages):
    found = {job: sections_in(path.read_text()) for job, path in pages.items()}
    common = ["data", "scores", "curves", "confusion", "weights", "evidence", "mistakes"]
    common += ["pad", "doubts", "certificate", "again"]
    assert found["evaluate"] == common
    assert sorted(found["train"]) == sorted([*common, "checks", "folds"])
    assert sorted(found["sweep"]) == sorted([*common, "checks", "sweep"])


def test_figures_of_images_that_the_model_was_fitted_on_are_no_estimate(run):
    whole = run.task.image_set
    texts = [
        page_of(content_of_evaluation(evaluate(run.model, images), run.model, "again"))
        for images in (whole, replace(whole, sha256="1" * 64))
    ]
    assert [SEEN in text for text in texts] == [True, False]
    # labels that it has seen are not to be doubted by what it says of them
    assert ["data-doubt=" in text for text in texts] == [False, True]


def test_evaluate_writes_its_page_where_nothing_lies(digits_place, digits, tmp_path, capsys):
    labels = np.array(digits.class_names)[digits.labels]
    np.savez(tmp_path / "others.npz", images=digits.images ^ 1, labels=labels)
    page = tmp_path / "page.html"
    words = ["evaluate", str(digits_place), str(tmp_path / "others.npz"), "--report", str(page)]
    assert command(words) == 0
    text = page.read_text()
    assert f"imlogit evaluate {digits_place.absolute()} {tmp_path / 'others.npz'}" in text
    assert command(words) == 2
    assert "--report" in capsys.readouterr().err
    assert page.read_text() == text


def test_a_hundred_classes_and_ten_thousand_mistakes_stay_below_the_limit(run):
    text = page_of(many_classes(run))
    assert len(text.encode()) < 3_000_000
    assert "100 classes" in text
    assert text.count('class="panels"') == MOST_WRONG


def test_the_largest_weights_of_a_pad_leave_the_page_below_the_limit(run):
    content = many_classes(run, n=3_000, n_classes=65)
    assert 0.99 * MOST_WEIGHTS < content.model.coef.size <= MOST_WEIGHTS
    text = page_of(content)
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


@pytest.mark.parametrize(
    ("job", "size", "dark"),
    [
        ("train", DESKTOP, False),
        ("train", DESKTOP, True),
        ("train", PHONE, False),
        ("train", PHONE, True),
        ("sweep", DESKTOP, True),
        ("evaluate", PHONE, False),
    ],
)
def test_everyone_can_read_it(browser, pages, job, size, dark):
    with open_page(browser, pages[job], size, dark=dark) as page:
        page.evaluate("for (const one of document.querySelectorAll('details')) one.open = true")
        found = page.evaluate("document.documentElement.scrollWidth")
        assert found <= size[0]
        assert page.locator("bdi", has_text=HOSTILE[0]).count()
        lines = "[...document.querySelectorAll('#scores tbody tr')].map((one) => one.clientHeight)"
        assert len(set(page.evaluate(lines))) == 1, "a row of scores takes several lines"
        result = need("axe_playwright_python.sync_playwright").Axe().run(page)
        assert result.violations_count == 0, result.generate_report()


def test_what_is_printed_begins_with_a_summary_and_has_nothing_to_press(browser, digits_place):
    with open_page(browser, digits_place / "report.html") as page:
        summary, pad = page.locator(".summary"), page.locator("#pad")
        assert (summary.is_visible(), pad.is_visible()) == (False, True)
        page.emulate_media(media="print")
        assert (summary.is_visible(), pad.is_visible()) == (True, False)
        for words in ("accuracy", "relative gap", "imlogit train"):
            assert words in summary.inner_text()
        pressed = page.locator("button:visible:not(.matrix *), input:visible, summary:visible")
        assert pressed.count() == 0


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
