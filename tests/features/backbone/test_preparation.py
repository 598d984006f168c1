"""Who says how images are prepared, and what they say."""

import json

import numpy as np
import pytest

from imlogit.errors import DataError
from imlogit.features.backbone.network import read_network
from imlogit.features.backbone.outputs import input_of
from imlogit.features.backbone.preparation import CONFIG, Wish, preparation_of

from helpers.networks import written
from helpers.tools import need

need("onnx")
ANY = ("n", 3, "h", "w")
IMAGENET = {"image_mean": [0.485, 0.456, 0.406], "image_std": [0.229, 0.224, 0.225]}


def prepared(folder, config=None, wish=(), **how):
    place = written(folder, **{"sides": ANY} | how)
    if config is not None:
        text = config if isinstance(config, str) else json.dumps(config)
        (folder / CONFIG).write_text(text)
    network = read_network(place)
    return preparation_of(network, input_of(network), Wish(**dict(wish)))


@pytest.mark.parametrize(
    ("config", "metadata", "wish", "size", "mean", "std"),
    [
        (None, None, {}, None, 0, 1),
        ({"size": 16}, None, {}, (16, 16), 0, 1),
        (
            {"size": {"shortest_edge": 18}, "crop_size": {"height": 16, "width": 14}},
            None,
            {},
            (16, 14),
            0,
            1,
        ),
        (
            {"size": {"shortest_edge": 18}, "crop_size": 16, "do_center_crop": False},
            None,
            {},
            (18, 18),
            0,
            1,
        ),
        (IMAGENET | {"do_normalize": False}, None, {}, None, 0, 1),
        ({"image_mean": 127.5, "image_std": 127.5, "do_rescale": False}, None, {}, None, 0.5, 0.5),
        (
            {"image_mean": 0.5, "image_std": 0.5, "rescale_factor": 1 / 255},
            None,
            {},
            None,
            0.5,
            0.5,
        ),
        ({"size": 16}, {"size": "20x24", "mean": "[0.25]", "std": "0.5"}, {}, (20, 24), 0.25, 0.5),
        (None, {"mean": "63.75", "std": "51"}, {}, None, 0.25, 0.2),
        (None, {"Image.NominalPixelRange": "Normalized_1_1"}, {}, None, 0.5, 0.5),
        (None, {"Image.NominalPixelRange": "NominalRange_0_255"}, {}, None, 0, 1 / 255),
        (IMAGENET, {"mean": "0.2"}, {"size": "9", "mean": "0.1", "std": "0.3"}, (9, 9), 0.1, 0.3),
    ],
)
def test_what_is_asked_for_counts_then_the_file_then_what_lies_beside(
    tmp_path, config, metadata, wish, size, mean, std
):
    how = prepared(tmp_path, config, wish.items(), metadata=metadata)
    assert how.size == size
    np.testing.assert_allclose(
        how.table(3), np.tile((np.arange(256) / 255 - mean) / std, (3, 1)), rtol=2e-6, atol=1e-6
    )


def test_each_channel_has_its_own_mean(tmp_path):
    how = prepared(tmp_path, IMAGENET)
    assert how.said == {"size": "not said", "mean": CONFIG}
    expected = (1 - np.array(IMAGENET["image_mean"])) / IMAGENET["image_std"]
    np.testing.assert_allclose(how.table(3)[:, 255], expected, rtol=1e-6)


@pytest.mark.parametrize("order", ["rgb", "bgr"])
@pytest.mark.parametrize("sides", [ANY, ("n", "h", "w", 3)])
def test_images_become_what_the_network_takes(tmp_path, order, sides):
    wish = {"mean": "0.1:0.2:0.3", "std": "0.5", "order": order}
    how = prepared(tmp_path, wish=wish.items(), sides=sides)
    images = np.random.default_rng(0).integers(0, 256, (2, 4, 5, 3), np.uint8)
    ordered = images[..., ::-1] if order == "bgr" else images
    expected = (ordered / 255 - [0.1, 0.2, 0.3]) / 0.5
    made = how.feed(images, how.table(3))
    if sides is ANY:
        expected = np.moveaxis(expected, 3, 1)
    np.testing.assert_allclose(made, expected, rtol=1e-5, atol=1e-6)
    assert made.dtype == np.float32


@pytest.mark.parametrize(
    ("how", "match"),
    [
        ({"sides": "abcd"}, "does not tell where the channels are: say so as .*layout=NCHW"),
        ({"sides": ("n", 3, 12, 3)}, "where the channels are"),
        ({"sides": ("n", 5, 12, 12), "wish": {"layout": "NCHW"}.items()}, "takes 5 channels"),
        ({"sides": ("n", 3, 12)}, "images are four sides"),
        ({"sides": ("n", 3, 12, "w"), "wish": {"size": "13"}.items()}, "12 x any, and 13 x 13"),
        ({"wish": {"size": "big"}.items()}, "its size as asked is 'big': give 224 or 224x160"),
        ({"wish": {"size": "99999"}.items()}, "from 1 to 4,096"),
        ({"wish": {"mean": "124"}.items()}, r"\[124.0\] .* are none of pixels / 255"),
        ({"wish": {"std": "0"}.items()}, "are none of pixels / 255"),
        ({"wish": {"mean": "1:2"}.items()}, "'1:2' is no mean or deviation"),
        ({"metadata": {"mean": "nan"}}, "'nan' is no mean or deviation"),
        ({"config": "{"}, f"{CONFIG} beside it cannot be read"),
        ({"config": "[1]"}, "is no JSON object"),
        ({"config": {"size": "x"}}, f"the size in {CONFIG} is none"),
        ({"config": IMAGENET | {"rescale_factor": 0}}, "its rescale_factor is 0"),
        ({"kind": "UINT8", "wish": {"mean": "0.5"}.items()}, "takes bytes as they are"),
    ],
)
def test_what_does_not_go_together_is_refused(tmp_path, how, match):
    with pytest.raises(DataError, match=match):
        prepared(tmp_path, **how)
