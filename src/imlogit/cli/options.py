"""The arguments and options that several commands share."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

Source = Annotated[
    str,
    typer.Argument(
        help="The images: mnist-5k (inside the package), mnist, openml:NAME, a folder of class "
        "folders or IDX files, or a .csv, .npz, .npy or .parquet file."
    ),
]
ModelFile = Annotated[Path, typer.Argument(help="A model file (.imlogit).")]
Prepare = Annotated[
    str | None,
    typer.Option(help="digit: invert, crop, fit and centre each image, as MNIST's were."),
]
Resize = Annotated[bool, typer.Option("--resize", help="Bring images to the model's size.")]
Positive = Annotated[str | None, typer.Option(help="The label to tell from all others. Digits: 2.")]
EveryClass = Annotated[bool, typer.Option("--all", help="Tell every class from the others.")]
Folds = Annotated[int, typer.Option(help="Folds of the cross-validation.")]
TestSize = Annotated[
    float, typer.Option(help="Share of the images kept for the test, if the source has none.")
]
Seed = Annotated[
    int, typer.Option(min=0, max=2**32 - 1, help="Seed of the split, the order and the folds.")
]
EngineName = Annotated[
    str, typer.Option(help="What adds up over the images: auto, numba, tensorflow or reference.")
]
Out = Annotated[Path | None, typer.Option(help="Where to write; default imlogit-runs/SOURCE-N.")]
AsJson = Annotated[
    bool, typer.Option("--json", help="Print the metrics as JSON instead of tables.")
]
RunFolder = Annotated[Path, typer.Argument(help="A folder that train or sweep wrote.")]
RunOrModel = Annotated[
    Path, typer.Argument(help="A folder that train or sweep wrote, or, for FILES, a model file.")
]
RunSource = Annotated[
    str | None, typer.Option("--source", help="Where the run's images are now, if elsewhere.")
]
Picture = Annotated[
    Path | None, typer.Option("--out", help="Where to draw, as PNG; default in the run's folder.")
]
PlainJson = Annotated[bool, typer.Option("--json", help="Print JSON instead of tables.")]
