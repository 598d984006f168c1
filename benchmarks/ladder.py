"""A ladder of features: what each step adds to a linear model of digits and of photographs.

Run as ``python -m benchmarks.ladder [PART ...]``; parts are mnist-5k, mnist (all 70,000 images at
hand, by ``IMLOGIT_DATA`` or the network), photos (a folder with ``train`` and ``test``, each
with a folder of images for every class: ``--photos FOLDER``), rates, how fast features are made:
patches beside a bare product, gradients beside scikit-image's ``hog`` in a loop, where that is
installed (the extra ``bench``), and backbone (the step onnx beside bare onnxruntime). None means
all that are at hand.

``--rungs TEXT ...`` takes other features than the usual, with ``+shifts`` at the end such as of
copies moved by a pixel, too; ``--seed N`` draws other patches, ``--copies N`` trains on so many
deformed copies of each training image, too, ``--draw N`` on so many images alone, ``--test-on
SOURCE`` on all images of a part, to test on the test part of another source, and ``--quick`` takes
few images. C is chosen on a fifth of the training images, with moved copies and without deformed
ones; the model that is timed and tested is fitted to all of them.
"""

from __future__ import annotations

import tempfile
import time
import warnings
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from scipy.stats import binomtest

from benchmarks.common import arguments, image_set, parse, show, table
from imlogit import LogisticRegression, augment, load
from imlogit.data.image_set import ImageSet
from imlogit.data.images.shift import BY_ONE, is_bright_on_dark, shift
from imlogit.evaluation.intervals import wilson
from imlogit.features.chain import Chain, FittedChain
from imlogit.features.step import BLOCK_ROWS
from imlogit.system.extras import need
from imlogit.system.onnx_runtime import onnx_runtime
from imlogit.system.processors import processor_count

PARTS = ["mnist-5k", "mnist", "photos", "rates", "backbone"]
# What follows on a rung's steps where moved copies of the training images are fitted on, too.
SHIFTS = "+shifts"
DIGITS = [
    *("pixels", "deskew", "hog", "deskew+hog", "deskew+hog" + SHIFTS),
    *("patches", "deskew+patches", "deskew+patches:by=kmeans"),
    "deskew+patches:by=kmeans" + SHIFTS,
]
PHOTOS = [
    *("pixels", "hog", "patches:size=6,grid=2"),
    *("patches:size=6,grid=3,filters=256", "patches:size=6,grid=3,filters=256,by=kmeans"),
    "patches:size=6,grid=3,filters=256,by=kmeans" + SHIFTS,
    *("patches:size=6,grid=3,filters=1024", "patches:size=6,grid=3,filters=1024,by=kmeans"),
]
CS = (0.003, 0.01, 0.03, 0.1, 0.3, 1.0)
# Wide enough for a comparison of errors; what is published is fitted to 1e-6.
TOL = 1e-3
# What is to be reached: of a product's rate by patches, of a loop's by gradients.
BAR_OF_PATCHES, BAR_OF_HOG = 0.6, 20
# Images that scikit-image works through.
SAMPLE = 500


class Rung(NamedTuple):
    """What one rung of the ladder came to."""

    text: str
    wrong: Any
    n_features: int
    feature_seconds: float
    fit_seconds: float
    C: float
    n_bytes: int


def main() -> None:
    parser = arguments("ladder", PARTS)
    parser.add_argument("--photos", type=Path, help="a folder of photographs, by part and class")
    parser.add_argument("--rungs", nargs="+", help="features to try instead of the usual")
    parser.add_argument("--seed", type=int, default=0, help="of the patches that are drawn")
    parser.add_argument("--draw", type=int, metavar="N", help="train on so many, drawn by 0")
    other_help = "train on all images, and test on the test part of another source"
    parser.add_argument("--test-on", metavar="SOURCE", help=other_help)
    copies_help = "so many deformed copies of each training image are trained on, too"
    parser.add_argument("--copies", type=int, default=0, metavar="N", help=copies_help)
    asked = parse(parser, PARTS)
    if asked.copies and asked.draw:
        parser.error("give --copies or --draw")
    warnings.simplefilter("ignore")
    for part in asked.parts:
        if part == "rates":
            show(rates(quick=asked.quick))
            continue
        if part == "photos" and asked.photos is None:
            continue
        if part == "mnist" and asked.quick:
            continue
        if part == "backbone":
            show(backbone(quick=asked.quick))
            continue
        usual = PHOTOS if part == "photos" else DIGITS
        few = [usual[0], usual[0] + SHIFTS, "patches:filters=16"]
        rungs = asked.rungs or (few if asked.quick else usual)
        with tempfile.TemporaryDirectory() as folder:
            images = _images(part, asked)
            if asked.copies:
                images = augment(images, Path(folder, part), copies=asked.copies, seed=asked.seed)
            show(ladder(part, images.copies, _parts(images, asked), rungs, asked.seed))


def _images(part: str, asked: Any) -> ImageSet:
    if part == "photos":
        return load(str(asked.photos))
    return image_set(quick=asked.quick) if asked.quick or part == "mnist" else load(part)


def ladder(name: str, copies: int, parts: Any, rungs: list[str], seed: int) -> Any:
    """Return the table of a ladder's rungs on a training and a test part."""
    train, test = parts
    found = [climb(text, train, test, seed, copies) for text in rungs]
    title = f"Ladder of features: {name}, {len(train[0]):,} + {len(test[0]):,} images"
    headings = ["features", "error", "95% interval", "McNemar", "C", "numbers"]
    new = table(title, *headings, "features s", "fit s", "model")
    below = [None, *found]
    for rung, last in zip(found, below, strict=False):
        low, high = wilson(int(rung.wrong.sum()), len(rung.wrong))
        new.add_row(
            rung.text,
            f"{rung.wrong.mean():.2%}",
            f"{low:.2%} to {high:.2%}",
            "" if last is None else f"{mcnemar(last.wrong, rung.wrong):.1e}",
            f"{rung.C:g}",
            f"{rung.n_features:,}",
            f"{rung.feature_seconds:.1f}",
            f"{rung.fit_seconds:.1f}",
            f"{rung.n_bytes / 1e6:.2f} MB",
        )
    return new


def _parts(images: ImageSet, asked: Any) -> tuple[Any, Any]:
    """Return training and test images with labels; a fifth, drawn, where a source has no test."""
    if asked.test_on:
        return _some(images.train, asked.draw), tuple(map(np.asarray, load(asked.test_on).test))
    train, test = _own_parts(images)
    return _some(train, asked.draw), test


def _some(part: Any, n: int | None) -> Any:
    drawn = np.random.default_rng(0).permutation(len(part[1]))[:n]
    return tuple(np.asarray(one)[np.sort(drawn)] for one in part)


def _own_parts(images: ImageSet) -> tuple[Any, Any]:
    if images.test is not None:
        return tuple(map(np.asarray, images.train)), tuple(map(np.asarray, images.test))
    rows = np.random.default_rng(0).permutation(len(images))
    cut = len(rows) // 5
    return tuple((images.images[own], images.labels[own]) for own in (rows[cut:], rows[:cut]))


def climb(text: str, train: Any, test: Any, seed: int, copies: int = 0) -> Rung:
    """Fit features and a model to training images, and test both."""
    began = time.perf_counter()
    fitted = Chain.parse(text.removesuffix(SHIFTS)).fit(train[0], seed=seed)
    rows = _with_shifts(fitted, train[0]) if text.endswith(SHIFTS) else fitted.transform(train[0])
    made = time.perf_counter()
    blocks = rows.reshape(-1, len(train[0]), fitted.n_features)
    chosen = _choose(blocks[:, :: copies + 1], train[1][:: copies + 1])
    labels = np.tile(train[1], len(blocks))
    model = LogisticRegression(C=chosen.C, tol=TOL).fit(rows, labels, start=chosen)
    done = time.perf_counter()
    wrong = model.predict(fitted.transform(test[0])) != test[1]
    n_bytes = model.coef_.nbytes + sum(one.nbytes for one in fitted.to_parts()[1].values())
    return Rung(text, wrong, fitted.n_features, made - began, done - made, chosen.C, n_bytes)


def _with_shifts(fitted: FittedChain, images: Any) -> Any:
    """Return the features of images, and behind them those of the images moved each way."""
    n, repeat_edge = len(images), not is_bright_on_dark(images)
    rows = np.empty((n * (len(BY_ONE) + 1), fitted.n_features), fitted.dtype)
    fitted.transform(images, rows[:n])
    for number, way in enumerate(BY_ONE, start=1):
        moved = shift(images, *way, repeat_edge=repeat_edge)
        fitted.transform(moved, rows[number * n : (number + 1) * n])
    return rows


def _choose(blocks: Any, labels: Any) -> LogisticRegression:
    """Return the model that is best on a fifth of the training images, fitted to twice as many.

    Each starts from the one before, of the next smaller C, until two in a row are worse. Moved
    copies, a block for each way, are fitted on with their images, and none is held out.
    """
    drawn = np.random.default_rng(0).permutation(len(labels))
    cut = min(10_000, len(labels) // 5)
    held, others = np.sort(drawn[:cut]), np.sort(drawn[cut : 3 * cut])
    rows = blocks[:, others].reshape(-1, blocks.shape[-1])
    own = np.tile(labels[others], len(blocks))
    models: list[LogisticRegression] = []
    scores: list[float] = []
    for C in CS:
        last = models[-1] if models else None
        models.append(LogisticRegression(C=C, tol=TOL).fit(rows, own, start=last))
        scores.append(models[-1].score(blocks[0][held], labels[held]))
        if max(scores) > max(scores[-2:]):
            break
    return models[int(np.argmax(scores))]


def mcnemar(below: Any, wrong: Any) -> float:
    """Return the exact two-sided p-value of two models that err as often."""
    one, other = int((below & ~wrong).sum()), int((wrong & ~below).sum())
    return float(binomtest(one, one + other).pvalue) if one + other else 1.0


def backbone(*, quick: bool) -> Any:
    """Return the table of a network's time an image, as a step and by bare onnxruntime."""
    need("onnx", "onnx", "This part")
    runtime = onnx_runtime("This part")
    side, widths, n = (16, (8, 8), 32) if quick else (96, (32, 64, 128), 256)
    images = np.random.default_rng(0).integers(0, 256, (n, side, side, 3), np.uint8)
    new = table(
        f"A network of {side} x {side} photos, by images a call", "batch", "ms an image", ""
    )
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder) / "net.onnx"
        place.write_bytes(_network(side, widths))
        for batch in (1, 8, 64):
            fitted = Chain.parse(f"onnx:{place},batch={batch}").fit(images)
            options = runtime.SessionOptions()
            options.intra_op_num_threads = processor_count()
            bare = runtime.InferenceSession(str(place), options, providers=["CPUExecutionProvider"])
            ready = np.moveaxis(images, 3, 1).astype(np.float32) / 255
            feeds = [{"images": ready[at : at + batch]} for at in range(0, n, batch)]
            own = _seconds(lambda fitted=fitted: fitted.transform(images)) / n
            theirs = _seconds(lambda s=bare, f=feeds: [s.run(None, one) for one in f]) / n
            new.add_row(str(batch), f"{theirs * 1e3:.3f}", "bare onnxruntime")
            new.add_row("", f"{own * 1e3:.3f}", f"the step onnx, {own / theirs:.2f} times that")
    return new


def _network(side: int, widths: tuple[int, ...]) -> bytes:
    """Return convolutions, each of half the size before, and their average."""
    import onnx

    helper = onnx.helper
    rng = np.random.default_rng(0)
    nodes, weights, given, channels = [], [], "images", 3
    for number, width in enumerate(widths):
        scale = np.sqrt(2 / (9 * channels))
        filters = rng.normal(0, scale, (width, channels, 3, 3)).astype(np.float32)
        weights.append(onnx.numpy_helper.from_array(filters, f"filters{number}"))
        names = [given, f"filters{number}"], [f"maps{number}"]
        nodes.append(helper.make_node("Conv", *names, strides=[2, 2] if number else [1, 1]))
        nodes.append(helper.make_node("Relu", [f"maps{number}"], [f"rectified{number}"]))
        given, channels = f"rectified{number}", width
    nodes.append(helper.make_node("GlobalAveragePool", [given], ["means"]))
    nodes.append(helper.make_node("Flatten", ["means"], ["pooled"]))
    described = helper.make_tensor_value_info
    graph = helper.make_graph(
        nodes,
        "net",
        [described("images", onnx.TensorProto.FLOAT, ["n", 3, side, side])],
        [described("pooled", onnx.TensorProto.FLOAT, ["n", channels])],
        weights,
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)])
    model.ir_version = 8
    return bytes(model.SerializeToString())


def rates(*, quick: bool) -> Any:
    """Return the table of how fast patches and gradients are made, beside bare products."""
    size, n = (256, 2 * BLOCK_ROWS) if quick else (4096, 64 * BLOCK_ROWS)
    square = np.random.default_rng(0).random((size, size), dtype=np.float32)
    square @ square
    took = _seconds(lambda: square @ square)
    bare = size**3 / took / 1e9
    new = table("Rates of features: a float32 product of large matrices is 100%", "features", "")
    new.add_row("the product itself", f"{bare:.1f} GFMA/s")
    for side, shape, text in (
        (28, (), "patches"),
        (32, (3,), "patches:size=6,filters=512,grid=2"),
    ):
        images = np.random.default_rng(0).integers(0, 256, (n, side, side, *shape), np.uint8)
        fitted = Chain.parse(text).fit(images).steps[0]
        products = fitted.arrays["filters"].size * (side - fitted.step.size + 1) ** 2 * n
        rate = products / _seconds(lambda fitted=fitted, images=images: fitted.transform(images))
        said = f"{rate / 1e9:.1f} GFMA/s, {rate / 1e9 / bare:.0%} (bar {BAR_OF_PATCHES:.0%})"
        new.add_row(f"{text} of {side} x {side}", said)
    for row in _hog_rates(quick=quick):
        new.add_row(*row)
    return new


def _hog_rates(*, quick: bool) -> list[tuple[str, str]]:
    """Return what is said of gradients of digits, and of a sample of them in a loop."""
    images = image_set(quick=quick).train[0]
    fitted = Chain.parse("hog").fit(images)
    ours = len(images) / _seconds(lambda: fitted.transform(images))
    rows = [(f"hog of {len(images):,} digits", f"{ours:,.0f} images/s, {fitted.n_features:,} each")]
    try:
        from skimage.feature import hog
    except ImportError as error:
        return [*rows, ("scikit-image's hog in a loop", f"left out: {error}")]
    sample = images[:: max(1, len(images) // (SAMPLE // 10 if quick else SAMPLE))]

    def loop() -> Any:
        return [hog(one, pixels_per_cell=(4, 4), cells_per_block=(2, 2)) for one in sample]

    theirs = len(sample) / _seconds(loop)
    said = f"{theirs:,.0f} images/s, {loop()[0].size:,} each; ours {ours / theirs:.1f}x"
    return [*rows, ("scikit-image's hog in a loop", f"{said} (bar {BAR_OF_HOG}x)")]


def _seconds(work: Any) -> float:
    """Return the shortest of three times, after one that compiles."""
    work()
    times = [time.perf_counter()]
    for _ in range(3):
        work()
        times.append(time.perf_counter())
    return min(after - before for before, after in pairwise(times))


if __name__ == "__main__":
    main()
