import contextlib
import io
import time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from PIL import Image, ImageDraw

import imlogit
from imlogit.data.images.mnist_digit import prepare_digit
from imlogit.errors import DataError


def two(size=(140, 140), width=10, paper=255, ink=0, at=(0, 0), side=140):
    """A two drawn into a square of a page."""
    image = Image.new("L", size, paper)
    points = [(25, 30), (35, 15), (55, 12), (70, 25), (65, 45), (30, 80), (25, 88), (75, 88)]
    line = [(at[0] + x * side / 100, at[1] + y * side / 100) for x, y in points]
    ImageDraw.Draw(image).line(line, fill=ink, width=width, joint="curve")
    return np.asarray(image)


def rectangle(top, left, height, width, page=(120, 160)):
    image = np.full(page, 255, np.uint8)
    image[top : top + height, left : left + width] = 0
    return image


def scan(digit, rng, noise=6):
    """A pencil's digit, off the centre of a page of 300 x 400 that is unevenly lit and noisy."""
    large = Image.fromarray(digit).resize((224, 224), Image.Resampling.BICUBIC)
    ink = np.zeros((300, 400))
    top, left = rng.integers(0, 77), rng.integers(0, 177)
    ink[top : top + 224, left : left + 224] = np.asarray(large) / 255
    down, across = rng.uniform(-15, 15, 2)
    y, x = np.mgrid[-1:1:300j, -1:1:400j]
    page = (230 + down * y + across * x) * (1 - ink) + rng.uniform(70, 120) * ink
    return np.clip(np.rint(page + rng.normal(0, noise, page.shape)), 0, 255).astype(np.uint8)


def box(image):
    """The (height, width) of what is not 0."""
    return tuple(int(np.ptp(np.flatnonzero(image.any(axis=axis)))) + 1 for axis in (1, 0))


def centre(image):
    return [image.sum(axis=axis) @ np.arange(28) / image.sum() for axis in (1, 0)]


def apart(a, b):
    """The mean absolute difference."""
    return np.abs(a.astype(int) - b.astype(int)).mean()


@pytest.mark.parametrize(
    ("height", "width", "expected"),
    [
        (80, 40, (20, 10)),
        (30, 120, (5, 20)),
        (60, 60, (20, 20)),
        (7, 4, (20, 12)),  # 11.4, the last column in part
        (100, 1, (20, 1)),
    ],
)
def test_fits_into_the_box_with_its_proportions(height, width, expected):
    prepared = prepare_digit(rectangle(12, 9, height, width))
    assert prepared.shape == (28, 28)
    assert prepared.dtype == np.uint8
    assert prepared.max() == 255
    assert box(prepared) == expected
    assert np.abs(np.subtract(centre(prepared), 14)).max() <= 0.5


def test_a_part_of_a_pixel_is_a_part_of_its_brightness():
    prepared = prepare_digit(rectangle(12, 9, 70, 40))
    edge = prepared[:, np.flatnonzero(prepared.any(axis=0))[-1]]
    assert edge.max() == round(255 * 3 / 7)  # the width is 11 3/7


@pytest.mark.parametrize("place", [(0, 0), (0, 129), (89, 0), (89, 129), (40, 60)])
def test_where_the_ink_stands_does_not_matter(place):
    ink = two()[:31, 20:51].copy()
    page = np.full((120, 160), 255, np.uint8)
    page[45:76, 60:91] = ink
    moved = np.full((120, 160), 255, np.uint8)
    moved[place[0] : place[0] + 31, place[1] : place[1] + 31] = ink
    np.testing.assert_array_equal(prepare_digit(moved), prepare_digit(page))


@pytest.mark.parametrize("drawing", [two(), two(ink=90, paper=230), rectangle(5, 5, 40, 9)])
def test_white_on_black_is_the_same_as_black_on_white(drawing):
    np.testing.assert_array_equal(prepare_digit(255 - drawing), prepare_digit(drawing))


@pytest.mark.parametrize("times", [2, 3, 8])
def test_how_large_the_picture_is_matters_little(times):
    page = two(side=120)
    large = Image.fromarray(page).resize((140 * times, 140 * times), Image.Resampling.BICUBIC)
    assert apart(prepare_digit(np.asarray(large)), prepare_digit(page)) < 5


def test_grey_ink_becomes_white():
    np.testing.assert_array_equal(prepare_digit(two(ink=170, paper=230)), prepare_digit(two()))


def test_colour_and_pillow_images_are_the_same():
    page = two()
    expected = prepare_digit(page)
    colour = np.repeat(page[:, :, None], 3, axis=2)
    behind = Image.fromarray(np.dstack([np.zeros_like(colour), 255 - page]))
    turned = io.BytesIO()
    exif = Image.Exif()
    exif[0x0112] = 3  # lies upside down
    Image.fromarray(page[::-1, ::-1]).save(turned, "PNG", exif=exif)
    for same in (colour, np.asfortranarray(colour), Image.fromarray(page), behind):
        np.testing.assert_array_equal(prepare_digit(same), expected)
    np.testing.assert_array_equal(prepare_digit(Image.open(turned)), expected)


def test_images_of_mnist_stay_almost_as_they_are(embedded):
    images = embedded.images[::10]
    prepared = np.stack([prepare_digit(image) for image in images])
    change = np.abs(prepared.astype(int) - images).mean(axis=(1, 2))
    assert np.median(change) < 0.5
    assert change.mean() < 1
    again = np.stack([prepare_digit(image) for image in prepared])
    assert (again == prepared).all(axis=(1, 2)).mean() > 0.95


@pytest.fixture(scope="module")
def model(embedded):
    images = embedded.images[::2].reshape(-1, 784)
    return imlogit.LogisticRegression(C=0.01).fit(images, embedded.labels[::2])


@pytest.mark.parametrize("noise", [2, 14])
def test_a_model_reads_scans_as_well_as_the_images_they_were_made_of(embedded, model, noise):
    rng = np.random.default_rng(noise)
    images, labels = embedded.images[1::16], embedded.labels[1::16]
    pages = [scan(image, rng, noise) for image in images]

    def accuracy(of):
        return model.score(np.stack(of).reshape(len(labels), -1), labels)

    shrunk = [255 - np.asarray(Image.fromarray(page).resize((28, 28))) for page in pages]
    assert accuracy(shrunk) < 0.4
    assert accuracy([prepare_digit(page) for page in pages]) > accuracy(images) - 0.03


def test_thin_strokes_become_bright():
    prepared = prepare_digit(two((800, 800), width=3, side=800))
    assert np.median(prepared[prepared > 64]) > 128


def test_uneven_light_and_jpeg_leave_no_trace():
    page = two((400, 300), at=(150, 80)).astype(float)
    y, x = np.mgrid[-1:1:300j, -1:1:400j]
    file = io.BytesIO()
    lit = np.rint(page * (0.85 - 0.1 * (x**2 + y**2) + 0.05 * x))
    Image.fromarray(lit.astype(np.uint8)).save(file, "JPEG", quality=50)
    assert apart(prepare_digit(Image.open(file)), prepare_digit(page.astype(np.uint8))) < 5


def test_noise_does_not_enlarge_the_crop(rng):
    page = rectangle(50, 50, 40, 20).clip(60, 220).astype(float)
    noisy = np.clip(page + rng.normal(0, 6, page.shape), 0, 255).astype(np.uint8)
    assert box(prepare_digit(noisy)) == (20, 10)


def test_no_ink_is_lost():
    """All mass is in one end: centred, the other end would stick out of the picture."""
    page = rectangle(20, 20, 80, 2)
    page[20:24, 18:100] = 0
    page[20:60, 20:60] = 0
    prepared = prepare_digit(page)
    assert box(prepared) == (20, 20)
    heavy = np.full((60, 120), 255, np.uint8)
    heavy[10:40, 10:30] = 0
    heavy[24:26, 10:110] = 0
    prepared = prepare_digit(heavy)
    assert box(prepared) == (6, 20)
    assert prepared[:, -1].any()  # shifted as far as there is room


@pytest.mark.parametrize("where", [(30, 20), (0, 0), (49, 49)])
def test_a_single_pixel_is_ink(where):
    page = np.zeros((50, 50), np.uint8)
    page[where] = 255
    assert box(prepare_digit(page)) == (20, 20)


@pytest.mark.parametrize("lines", [1, 2])
def test_pictures_of_extreme_proportions(lines):
    line = np.full((lines, 100_000), 255, np.uint8)
    line[:, 10_000:40_000] = 0
    assert box(prepare_digit(line)) == (1, 20)
    assert box(prepare_digit(line.T)) == (20, 1)


def test_a_picture_of_25_megapixels_is_quick():
    page = np.repeat(two((5000, 5000), width=200, side=5000)[:, :, None], 3, axis=2)
    start = time.process_time()
    prepared = prepare_digit(page)
    assert time.process_time() - start < 5  # it takes 0.1 s
    assert apart(prepared, prepare_digit(two((250, 250), width=10, side=250))) < 5


@pytest.mark.parametrize(
    "blank",
    [
        np.zeros((1, 1), np.uint8),
        np.full((28, 28), 255, np.uint8),
        np.full((3000, 2000, 3), 230, np.uint8),
        np.arange(200, 240, dtype=np.uint8)[None].repeat(50, axis=0),
        np.random.default_rng(0).normal(220, 6, (600, 800)).clip(0, 255).astype(np.uint8),
        np.random.default_rng(0).integers(250, 256, (100, 100), dtype=np.uint8),
    ],
)
def test_without_ink(blank):
    with pytest.raises(DataError, match="no ink in the image.*Give a picture"):
        prepare_digit(blank)


@pytest.mark.parametrize(
    ("image", "message"),
    [
        (two().astype(float), r"is float64, neither.*astype\('uint8'\)"),
        (two() > 0, "is bool, neither"),
        (two().tolist(), "is list, neither"),
        (None, "is NoneType, neither"),
        (np.zeros((0, 5), np.uint8), r"shape \(0, 5\): give one image"),
        (np.zeros((5, 0, 3), np.uint8), r"shape \(5, 0, 3\)"),
        (np.zeros(784, np.uint8), r"shape \(784,\)"),
        (np.zeros((2, 28, 28), np.uint8), r"shape \(2, 28, 28\)"),
        (np.zeros((28, 28, 4), np.uint8), r"shape \(28, 28, 4\)"),
        (np.zeros((1, 28, 28, 3), np.uint8), r"shape \(1, 28, 28, 3\)"),
        (Image.new("F", (5, 5)), "mode 'F'.*8 or 16 bits"),
        (Image.new("I;16", (5, 5)), "no ink"),
        (Image.new("L", (0, 5)), "0 x 5 pixels"),
    ],
)
def test_what_is_no_such_image_is_refused(image, message):
    with pytest.raises(DataError, match=message):
        prepare_digit(image)


def test_a_file_that_is_cut_short_is_refused():
    file = io.BytesIO()
    Image.fromarray(two()).save(file, "PNG")
    with pytest.raises(DataError, match="cannot be decoded"):
        prepare_digit(Image.open(io.BytesIO(file.getvalue()[:-60])))


@settings(max_examples=300, deadline=2000)
@given(
    st.one_of(
        arrays.arrays(np.uint8, st.tuples(st.integers(1, 40), st.integers(1, 40))),
        arrays.arrays(np.uint8, st.tuples(st.integers(1, 9), st.integers(1, 9), st.just(3))),
    )
)
def test_any_small_image_is_prepared_or_refused(image):
    before = image.copy()
    try:
        prepared = prepare_digit(image)
    except DataError:
        return
    finally:
        np.testing.assert_array_equal(image, before)
    assert prepared.shape == (28, 28)
    assert prepared.dtype == np.uint8
    assert prepared.max() == 255
    assert max(box(prepared)) <= 20


@settings(max_examples=200, deadline=2000)
@given(st.integers(0, 2**32 - 1), st.integers(1, 60), st.integers(1, 60))
def test_any_noise_is_prepared_or_refused(seed, height, width):
    rng = np.random.default_rng(seed)
    image = rng.integers(0, rng.integers(2, 257), (height, width), dtype=np.uint8)
    with contextlib.suppress(DataError):
        assert prepare_digit(image).max() == 255
