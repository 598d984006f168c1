"""The pad in headless Chromium: what it computes is what Python says."""

import base64
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from imlogit.data.images.decode import decode_image, fitted
from imlogit.data.images.mnist_digit import prepare_digit
from imlogit.data.reading import Reading
from imlogit.errors import DataError
from imlogit.model.fields import SavedModel
from imlogit.model.head import head_of
from imlogit.report.html.pad import MOST_WEIGHTS, pad_section

from helpers.browser import DESKTOP, PHONE, open_page
from helpers.feature_models import CERTIFICATE, colour_images, feature_model
from helpers.image_files import encoded
from helpers.pad_page import write_pad_page

N_IMAGES, N_STROKES = 200, 50
HOSTILE = '</script><script>alert("x")</script>', "\u202eevil & <b>bold</b>", "'\"`"


def saved(shape=(28, 28), names=tuple("0123456789"), seed=0, **other):
    """Return a model of random weights, as large as those of a fit."""
    rng = np.random.default_rng(seed)
    k, d = (len(names) if len(names) > 2 else 1), int(np.prod(shape))
    facts = {
        "classes_dtype": "str",
        "image_shape": shape,
        "pixel_scale": 1 / 255,
        "fitted_dtype": "uint8",
        "multi_class": "multinomial",
        "data_name": None,
        "data_sha256": None,
        "positive": None,
        "certificate": CERTIFICATE,
        "versions": {},
    }
    coef, intercept = rng.normal(0, 0.1, (k, d)), rng.normal(size=k)
    return SavedModel(coef=coef, intercept=intercept, classes=names, **facts | other)


MODELS = {
    "softmax": saved(),
    "one-vs-rest": saved(multi_class="ovr"),
    "sigmoid": saved(names=("3", "8"), threshold=0.3),
    "normalised": saved(normalize="l2"),
    "float32": saved(shape=(60, 60)),
}
COLOURED = colour_images(60, (26, 28))
ROUND_DOTS = np.ascontiguousarray(np.pad(COLOURED[:, 3:-3, 3:-3, 0], ((0, 0), (4, 4), (3, 3))))
STEPS = {
    "deskew+hog": feature_model("deskew+hog", ROUND_DOTS),
    "deskew+patches": feature_model("deskew+patches:filters=20", ROUND_DOTS),
    "hog": feature_model("hog:signed=no,levels=3", COLOURED),
    "hog by colour": feature_model("hog:colour=yes", COLOURED, 2),
    "patches": feature_model("patches:filters=20,size=6,grid=3", COLOURED),
}


@pytest.fixture(scope="module")
def page(browser, tmp_path_factory):
    path = write_pad_page(tmp_path_factory.mktemp("pad") / "pad.html", MODELS["softmax"])
    with open_page(browser, path) as page:
        yield page


def in_base64(array):
    return base64.b64encode(np.ascontiguousarray(array).tobytes()).decode()


TO_PREPARE = """(images) => images.map(([width, height, content]) => {
  const values = Uint8Array.from(atob(content), (letter) => letter.charCodeAt(0));
  const found = imlogit.prepare.digit({ width, height, values });
  return found === null ? null : Array.from(found);
})"""


def prepared_by(page, images):
    return page.evaluate(TO_PREPARE, [[*one.shape[::-1], in_base64(one)] for one in images])


def scanned(rng, digit):
    """Return a digit as it looks on paper: large, uneven, noisy, of some shape."""
    times = int(rng.integers(2, 12))
    ink = np.pad(np.kron(digit, np.ones((times, times))), rng.integers(8, 40, 4).reshape(2, 2))
    y, x = np.meshgrid(*(np.linspace(-1, 1, n) for n in ink.shape), indexing="ij")
    paper = 220 + 15 * x - 12 * y * y + rng.normal(0, rng.choice([0, 2, 5]), ink.shape)
    return np.clip(paper - ink * 0.6, 0, 255).astype(np.uint8)


def test_digits_are_prepared_as_by_python(page, embedded, rng):
    digits = embedded.images[:: len(embedded.images) // N_IMAGES][:N_IMAGES]
    images = [scanned(rng, one) if k % 4 == 0 else one for k, one in enumerate(digits)]
    found = prepared_by(page, images)
    expected = [prepare_digit(one).ravel().astype(int) for one in images]
    assert max(np.abs(a - b).max() for a, b in zip(found, expected, strict=True)) <= 1


@pytest.mark.parametrize(
    "image",
    [np.full((40, 30), 200, np.uint8), np.zeros((1, 1), np.uint8), np.eye(3, dtype=np.uint8)],
    ids=["blank", "one pixel", "faint"],
)
def test_without_ink_there_is_no_digit(page, image):
    with pytest.raises(DataError, match="no ink"):
        prepare_digit(image)
    assert prepared_by(page, [image]) == [None]


TO_DRAW = """(drawings) => drawings.map((strokes) => {
  const answer = imlogit.pad.answerTo(strokes);
  const letters = Array.from(imlogit.strokes.grey(strokes).values, (v) => String.fromCharCode(v));
  return {
    drawn: btoa(letters.join("")),
    pixels: Array.from(answer.pixels),
    probabilities: answer.probabilities,
    label: answer.label,
  };
})"""


def check_features(page, model, images):
    """Check that a model of features says of pixels in the page what it says in Python."""
    head = head_of(model)
    said = head.answer(np.array(images, np.uint8).reshape(-1, *head.shape))
    found = page.evaluate(TO_ANSWER, [pad_section(model).data, images])
    each = [one["probabilities"] for one in found]
    np.testing.assert_allclose(each, said.probabilities, atol=1e-5)
    np.testing.assert_array_equal([one["label"] for one in found], said.labels)


def drawings(rng):
    """Return walks of a pen, one to three a drawing."""

    def walk():
        n = int(rng.integers(1, 60))
        points = rng.uniform(0.1, 0.9, 2) + np.cumsum(rng.normal(0, 0.06, (n, 2)), axis=0)
        return {"points": points.clip(0, 1).tolist(), "width": float(rng.uniform(0.03, 0.15))}

    return [[walk() for _ in range(rng.integers(1, 4))] for _ in range(N_STROKES)]


def test_strokes_have_the_answer_that_python_gives(page, rng):
    head = head_of(MODELS["softmax"])
    answers = page.evaluate(TO_DRAW, drawings(rng))
    check_features(page, STEPS["deskew+patches"], [found["pixels"] for found in answers])
    for found in answers:
        drawn = np.frombuffer(base64.b64decode(found["drawn"]), np.uint8).reshape(256, 256)
        pixels = np.array(found["pixels"], np.uint8)
        assert np.abs(prepare_digit(drawn).ravel().astype(int) - pixels).max() <= 1
        said = head.answer(pixels.reshape(1, 28, 28))
        np.testing.assert_allclose(found["probabilities"], said.probabilities[0], atol=1e-6)
        assert found["label"] == said.labels[0]


TO_ANSWER = """([data, images]) => images.map((pixels) => {
  const found = imlogit.model.answer(imlogit.model.opened(data), pixels);
  return { ...found, evidence: { ...found.evidence, terms: Array.from(found.evidence.terms) } };
})"""


@pytest.mark.parametrize("name", [*MODELS, *STEPS])
def test_every_link_says_what_python_says(page, name, rng):
    model = {**MODELS, **STEPS}[name]
    head = head_of(model)
    images = rng.integers(0, 256, (8, *head.shape), np.uint8)
    images[0], images[1, :, 9:] = 0, 0
    said = head.answer(images)
    rows = images.reshape(len(images), -1).tolist()
    for k, found in enumerate(page.evaluate(TO_ANSWER, [pad_section(model).data, rows])):
        np.testing.assert_allclose(found["probabilities"], said.probabilities[k], atol=1e-6)
        assert found["label"] == said.labels[k]
        one = found["evidence"]
        margins = found["margins"] if len(found["margins"]) > 1 else [0, found["margins"][0]]
        offsets = head.intercept if len(head.intercept) > 1 else [0, head.intercept[0]]
        toward, against = one["toward"], one["against"]
        expected = margins[toward] - margins[against] - offsets[toward] + offsets[against]
        assert sum(one["terms"]) == pytest.approx(expected, abs=1e-6)
        if head.features is not None:
            weights = head.each_weights[toward] - head.each_weights[against]
            share = 1 if len(head.weights) > 1 else 1 / 2
            terms = head.features.evidence(images[k : k + 1], weights * share)
            each = terms.reshape(*head.shape[:2], -1).sum(axis=2).ravel()
            np.testing.assert_allclose(one["terms"], each, atol=1e-6)


def picture_files(rng):
    """Yield 50 files of smooth pictures, as people have them, and the most grey levels between."""
    for k in range(50):
        width = int(600 ** rng.random()) if k else 450
        height = max(1, min(600, int(width * rng.uniform(3 / 4, 4 / 3))))
        small = rng.integers(0, 256, (4, 5, 4), np.uint8)
        picture = Image.fromarray(small, "RGBA").resize((width, height), Image.Resampling.BICUBIC)
        form = ("PNG", "JPEG", "GIF", "WEBP")[k % 4]
        mode = ("RGB", "L", "RGBA", "P", "LA")[k % 5]
        if form in ("JPEG", "WEBP") and mode in ("P", "LA", "RGBA"):
            mode = "RGB"
        if form == "GIF":
            mode = "P" if k % 3 else "L"
        exif = Image.Exif()
        if form != "GIF":
            exif[0x0112] = k % 8 + 1
        how = {"lossless": True} if form == "WEBP" else {}
        if exif:
            how["exif"] = exif
        yield (
            encoded(
                picture.convert("RGB").convert(mode) if mode == "P" else picture.convert(mode),
                form,
                **how,
            ),
            form,
        )


TO_LOAD = """async ([files, shape]) => Promise.all(files.map(async ([content, fit]) => {
  const bytes = Uint8Array.from(atob(content), (letter) => letter.charCodeAt(0));
  const image = await imlogit.picture.decoded(new Blob([bytes]));
  const found = imlogit.picture.pixels(image, shape, fit);
  return Array.from(found);
}))"""
FITS = "crop", "pad", "stretch"


@pytest.mark.parametrize("channels", [(), (3,)], ids=["grey", "colour"])
def test_files_become_the_pixels_that_python_reads(page, channels, rng):
    files = list(picture_files(rng))
    asked = [[base64.b64encode(file).decode(), FITS[k % 3]] for k, (file, _) in enumerate(files)]
    found = page.evaluate(TO_LOAD, [asked, [26, 28, *channels]])
    apart = {}
    for k, (file, form) in enumerate(files):
        image = decode_image(file, Reading()).convert("RGB" if channels else "L")
        pixels = np.asarray(fitted(image, (26, 28), False, FITS[k % 3]), dtype=int)
        most = np.abs(pixels.ravel() - found[k]).max()
        apart[form] = max(apart.get(form, 0), most)
    assert max(apart.values()) <= 1, apart
    if channels:
        check_features(page, STEPS["patches"], found)


def with_canvas(page):
    page.locator("[data-pad=board]").scroll_into_view_if_needed()
    return page.locator("[data-pad=board]").bounding_box()


@pytest.mark.parametrize(
    ("size", "dark", "touch"),
    [(DESKTOP, False, False), (PHONE, True, True)],
    ids=["mouse", "touch"],
)
def test_a_reader_draws_undoes_and_clears(browser, tmp_path, size, dark, touch):
    path = write_pad_page(tmp_path / "pad.html", MODELS["softmax"])
    with open_page(browser, path, size, dark=dark, touch=touch) as page:
        verdict, hint = page.locator("[data-pad=verdict]"), page.locator("[data-pad=hint]")
        assert hint.inner_text() == "Draw a digit."
        assert verdict.is_hidden()
        box = with_canvas(page)
        points = [
            (box["x"] + box["width"] * x, box["y"] + box["height"] * y)
            for x, y in [(0.4, 0.2), (0.5, 0.5), (0.45, 0.8)]
        ]
        stroke_by_touch(page, points) if touch else stroke_by_mouse(page, points)
        verdict.wait_for(state="visible")
        first = np.array(page.evaluate("imlogit.pad.strokes()[0].points"))
        np.testing.assert_allclose(first[[0, -1]], [[0.4, 0.2], [0.45, 0.8]], atol=0.01)
        sides = page.evaluate(
            "[...document.querySelectorAll('.pad-tools button, .pad-tools input"
            ":not([hidden])')].map((b) => b.getBoundingClientRect().height)"
        )
        assert min(sides) >= 24
        assert page.evaluate("document.documentElement.scrollWidth") <= size[0]
        page.locator("[data-pad=status]").filter(has_text="%").wait_for(state="attached")
        page.keyboard.press("Tab")
        page.locator("[data-pad=undo]").focus()
        page.keyboard.press("Enter")
        verdict.wait_for(state="hidden")
        assert page.evaluate("imlogit.pad.strokes().length") == 0


def stroke_by_mouse(page, points):
    page.mouse.move(*points[0])
    page.mouse.down()
    for point in points[1:]:
        page.mouse.move(*point, steps=5)
    page.mouse.up()


def stroke_by_touch(page, points):
    session = page.context.new_cdp_session(page)
    for kind, (x, y) in zip(["touchStart", "touchMove", "touchMove"], points, strict=True):
        session.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": [{"x": x, "y": y}]})
    session.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})


@pytest.mark.parametrize("text", ["pixels", "patches:filters=4"])
def test_hostile_names_are_shown_and_a_picture_is_loaded(browser, tmp_path, text):
    model = feature_model(text, colour_images(9, (20, 30)), len(HOSTILE))
    path = write_pad_page(tmp_path / "pad.html", replace(model, classes=HOSTILE))
    with open_page(browser, path) as page:
        assert page.locator("[data-pad=undo]").count() == 0
        names = page.locator("[data-pad=bars] th").all_text_contents()
        assert names == list(HOSTILE)
        picture = encoded(np.full((50, 40, 3), (200, 90, 10), np.uint8))
        file = page.locator("[data-pad=file]")
        file.set_input_files({"name": "a.png", "mimeType": "image/png", "buffer": picture})
        page.locator("[data-pad=verdict]").wait_for(state="visible")
        file.set_input_files({"name": "b.png", "mimeType": "image/png", "buffer": b"no picture"})
        page.locator("[data-pad=hint]").filter(has_text="no picture").wait_for()
        assert page.locator("[data-pad=verdict]").is_hidden()


@pytest.mark.parametrize(
    ("model", "words"),
    [
        (saved((9,), image_shape=None, fitted_dtype="float32"), "features"),
        (saved((4, 4, 4)), "4 channels"),
        (saved((100, 100, 3), tuple("0123456789")), f"{300_000:,} weights"),
    ],
    ids=["rows", "channels", "large"],
)
def test_a_model_that_no_page_computes_has_a_sentence(model, words):
    section = pad_section(model)
    assert words in section.html
    assert section.scripts == ()
    assert section.data == {}
    assert MOST_WEIGHTS < 300_000


def test_features_that_no_page_computes_have_a_sentence(monkeypatch):
    model = STEPS["patches"]
    monkeypatch.setattr("imlogit.report.html.pad.MOST_WEIGHTS", model.coef.size)
    assert "its feature steps learnt more" in pad_section(model).html
    monkeypatch.setattr("imlogit.features.patches.FittedPatches.recipe", None)
    assert "by the step patches" in pad_section(model).html
    assert pad_section(model).data == {}
