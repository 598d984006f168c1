"""Every writer there is, as something to kill, and the folder in which they write."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Callable
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from benchmarks.warm import forked, helper, must

QUICKLY = ("--folds", "2", "--engine", "reference")
# What each format ends in and imports, and of these what is not everywhere.
FORMATS = {
    "onnx": ("onnx", ("onnx", "onnxruntime")),
    "keras": ("keras", ("keras", "tensorflow")),
    "savedmodel": ("savedmodel", ("tensorflow",)),
    "litert": ("tflite", ("tensorflow", "ai_edge_litert")),
}


@dataclass(frozen=True)
class Job:
    """Something that writes.

    Attributes
    ----------
    work : callable
    product : str
        A pattern of the files or folders that are whole or not there.
    before : callable, optional
        Writes what was there before.
    again : callable, optional
        The work of a day later, where that of now refuses what is there.
    needs : str
        A module that takes long to import: what is forked then has it.
    """

    work: Callable[[], Any]
    product: str
    before: Callable[[], Any] | None = None
    again: Callable[[], Any] | None = None
    needs: str = ""


def command(*arguments: str) -> Callable[[], Any]:
    """Return the work of a command line."""

    def work() -> None:
        from imlogit.__main__ import main as imlogit

        sys.argv = ["imlogit", *arguments]
        imlogit()

    return work


def jobs(facts: Any) -> dict[str, Job]:
    """Return every writer that can run here; `facts` are those of a server's MNIST."""
    doubts = ("doubts", "run", "--source", "new.npz")
    made = {
        "train": Job(command("train", "new.npz", *QUICKLY), "imlogit-runs/*"),
        "sweep": Job(command("sweep", "new.npz", *QUICKLY, "--cs", "1e-3:1e1:3"), "imlogit-runs/*"),
        "probe": Job(
            command("probe", "rows.npy", "--labels", "labels.npy", "--cs", "1"), "imlogit-runs/*"
        ),
        "report": Job(
            command("report", "run"),
            "run/report.html",
            lambda: Path("run/report.html").write_text("the page of another run"),
        ),
        "save": Job(_save("run"), "saved.imlogit", _save("old")),
        "fetch": Job(_fetch(facts), "cache/mnist*"),
        "read a folder": Job(command("data", "fetch", "photos"), "cache/images-*"),
        "data clear": Job(
            command("data", "clear", "--all"), "cache/images-*", command("data", "fetch", "photos")
        ),
        "doubts": Job(command(*doubts, "-n", "3"), "run/doubts.png", command(*doubts)),
        "doubts --folder": Job(
            command("doubts", "shot", "--folder", "doubtful"),
            "doubtful*",
            again=command("doubts", "shot", "--folder", "doubtful-again"),
        ),
        "predict": Job(command("predict", "run", "new.csv"), "cache/images-*"),
        "export to json": _export("json", "json"),
    }
    for name, (suffix, libraries) in FORMATS.items():
        if all(map(find_spec, libraries)):
            made[f"export to {name}"] = _export(name, suffix)
    return made


def template(home: Path) -> Path:
    """Return a folder with all that the jobs read: runs, arrays, a table, rows and photos."""
    place = home / "template"
    place.mkdir()
    for seed, name in enumerate(("old", "new")):
        rng = np.random.default_rng(seed)
        images = rng.integers(0, 120, (60, 8, 8)).astype(np.uint8)
        labels = np.arange(60) % 3
        images[labels == 1, :4] += 100
        images[labels == 2, 4:] += 100
        np.savez(place / f"{name}.npz", images=images, labels=labels)
    np.save(place / "rows.npy", images.reshape(60, -1).astype(np.float32))
    np.save(place / "labels.npy", labels)
    rows = [
        ",".join(map(str, [label, *one.ravel()])) for label, one in zip(labels, images, strict=True)
    ]
    head = ",".join(["label", *(f"pixel{k}" for k in range(64))])
    (place / "new.csv").write_text("\n".join([head, *rows]) + "\n")
    for number, (label, one) in enumerate(zip(labels, images, strict=True)):
        folder = place / "photos" / f"class{label}"
        folder.mkdir(parents=True, exist_ok=True)
        Image.fromarray(one).save(folder / f"{number}.png")
    for source, out in (("old.npz", "old"), ("new.npz", "run"), ("photos", "shot")):
        must(forked(command("train", source, "--all", *QUICKLY, "--out", out), place))
    shutil.rmtree(place / "cache", ignore_errors=True)
    return place


def stand_in(home: Path) -> Any:
    """Return a server of a small MNIST, which does not answer yet."""
    return helper("mirror_server").StandIn(home)


def _export(name: str, suffix: str) -> Job:
    how = ("--to", name, "--force", "--out", f"x.{suffix}")
    module = f"imlogit.export.{'savedmodel_folder' if name == 'savedmodel' else f'{name}_file'}"
    return Job(
        command("export", "run", *how),
        f"x.{suffix}*",
        command("export", "old", *how),
        needs=module,
    )


def _save(run: str) -> Callable[[], Any]:
    def work() -> None:
        import imlogit
        from imlogit.cli.terminal import errors_as_exit_code

        with errors_as_exit_code():
            imlogit.save_model(
                imlogit.load_model(f"{run}/model.imlogit"), "saved.imlogit", force=True
            )

    return work


def _fetch(facts: Any) -> Callable[[], Any]:
    def work() -> None:
        from imlogit.cli.terminal import errors_as_exit_code
        from imlogit.data.readers import mnist

        os.environ.pop("IMLOGIT_DATA", None)
        mnist.ROUTES = mnist.ROUTES[-1:]
        with errors_as_exit_code():
            mnist.load_mnist(facts=facts)

    return work
