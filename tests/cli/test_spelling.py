"""Parameters in messages, as the command line spells them."""

import pytest

from imlogit.cli.spelling import respell


@pytest.mark.parametrize(
    ("said", "spelled"),
    [
        ("Bring all to size=(28, 28).", "Bring all to --size 28x28."),
        ("with size=(h, w), or", "with --size HxW, or"),
        ("shape=(8, 8, 3)", "--shape 8x8x3"),
        ("on with skip_bad=True.", "on with --skip-bad."),
        ("layout='chw' (planes)", "--layout chw (planes)"),
        ("max_megapixels=50 allows more", "--max-megapixels 50 allows more"),
        ("every_class=True", "--all"),
        ("C=0: give", "--c 0: give"),
        ("Cs='1,x': give", "--cs 1,x: give"),
        ("place for out=...", "place for --out"),
        ("x=3, y=size", "x=3, y=size"),
        ("gap=1e-3 and tol=2", "gap=1e-3 and tol=2"),
    ],
)
def test_a_parameter_becomes_its_option(said, spelled):
    assert respell(said) == spelled
