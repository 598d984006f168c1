"""`export_model`: write beside, prove, and only then put in place."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from imlogit.core.links import INDEPENDENT
from imlogit.errors import ExportError, OutputError
from imlogit.estimators.logistic import LogisticRegression
from imlogit.export.formats import Format, format_of, open_format, suffix_of
from imlogit.export.json_file import facts, text
from imlogit.export.proof import N_TRIALS, difference, run_in_turns, trial_inputs
from imlogit.export.table import FORMATS
from imlogit.model.fields import SavedModel
from imlogit.model.head import Head, head_of
from imlogit.model.persist import open_model
from imlogit.system.atomic import filling, place_into, probe, refuse_replacing

# Formats that can give a row any number of labels.
OF_LABELS = ("onnx", "json")


@dataclass(frozen=True)
class Export:
    """What was written, and what its proof found.

    Attributes
    ----------
    to : str
        The format.
    path : str
        The file or folder.
    sidecar : str or None
        The JSON file beside it with class names and shape, where the format has no place for it.
    n_bytes : int
        Of all that was written.
    n_trials : int
        How many inputs it was run on.
    difference, tolerance : float
        The largest difference between its probabilities and the model's, and what is allowed.
    """

    to: str
    path: str
    sidecar: str | None
    n_bytes: int
    n_trials: int
    difference: float
    tolerance: float

    def to_dict(self) -> dict[str, Any]:
        """Return the fields, for JSON."""
        return asdict(self)


def export_model(
    model: LogisticRegression | SavedModel | str | os.PathLike[str],
    path: str | os.PathLike[str],
    *,
    to: str | None = None,
    float64: bool = False,
    force: bool = False,
    class_names: Sequence[str] | None = None,
    backbone: str | os.PathLike[str] | None = None,
) -> Export:
    """Write a fitted model in a format that other software runs, and prove it by running it.

    The file takes uint8 images (or float32 features, if the model was not fitted on uint8), any
    number at a time, and gives ``probabilities`` (n, n_classes) and the index ``label`` (n,). It
    scales pixels itself and honours the model's threshold. Of labels of which a row has any number
    ``label`` is 0 or 1 for each, (n, L), in ONNX and JSON. A network of the model's is in the ONNX
    file, which takes as many images at a time as that does where it takes no other number.

    Parameters
    ----------
    model : LogisticRegression, SavedModel or path-like
        A fitted model, its file, or the folder of a run.
    path : path-like
        Ends in .onnx, .keras, .savedmodel (a folder), .tflite or .json.
    to : {"onnx", "keras", "savedmodel", "litert", "json"}, optional
        By default what `path` ends in.
    float64 : bool
        Of ONNX, compute in float64.
    force : bool
        Replace what is there.
    class_names : sequence of str, optional
        Names for the labels, by default the labels as text.
    backbone : path-like, optional
        Where the network lies whose output the model takes, if it does and the network is not
        beside it.

    Returns
    -------
    Export

    Raises
    ------
    ExportError
        For an unknown format or ending, for a model that normalises rows, for feature steps that
        the format has no form for, for a model of any number of labels in other formats than ONNX
        and JSON, and where the written file differs from the model in a probability by more than
        5e-6 (1e-9 for JSON and for ONNX in float64). Nothing is left.
    OutputError
        If the path exists, or cannot be written.
    ModelFileError
        For a model of a network that is not there, or another one.
    MissingExtraError
        For a format whose extra is not installed.
    """
    target = Path(path)
    name = to or format_of(target)
    if target.suffix != suffix_of(name):
        raise ExportError(f"{target}: an export to {name} ends in {suffix_of(name)}. Rename it.")
    head = _head_of(open_model(model, backbone), class_names)
    _check_form(head, name, float64)
    form = open_format(name, float64)
    sidecar = target.with_name(f"{target.name}.json") if form.sidecar else None
    for place in filter(None, (target, sidecar)):
        _check_place(place, form, force)
    probe(target, makes_folders=True)
    with filling(target.parent, target) as folder:
        made = folder / target.name
        form.write(head, made)
        inputs = trial_inputs(head)
        said, expected = run_in_turns(form.load(made), inputs), head.answer(inputs)
        apart = difference(head, said, expected, form.tolerance, f"the {name} file")
        pairs = [(made, target)]
        if sidecar is not None:
            beside = folder / sidecar.name
            beside.write_bytes(text(facts(head)))
            pairs.insert(0, (beside, sidecar))
        n_bytes = sum(map(_size, (one for one, _ in pairs)))
        place_into(pairs, replace=force)
    return Export(
        to=name,
        path=str(target),
        sidecar=None if sidecar is None else str(sidecar),
        n_bytes=n_bytes,
        n_trials=N_TRIALS,
        difference=apart,
        tolerance=form.tolerance,
    )


def _check_place(place: Path, form: Format, force: bool) -> None:
    """Refuse a place that is taken; with `force`, only what is not such an export.

    Raises
    ------
    OutputError
    """
    if not os.path.lexists(place):
        return
    if not force:
        refuse_replacing(place)
    is_export = (place / form.mark).is_file() if form.mark else place.is_file()
    if place.is_symlink() or not is_export:
        what = f"a folder with {form.mark}" if form.mark else "a plain file"
        raise OutputError(
            f"{place} is not {what}: force=True does not replace it.", parameter="force"
        )


def _check_form(head: Head, name: str, float64: bool) -> None:
    """Refuse a format that has no form for a model's labels, or for one of its feature steps.

    Raises
    ------
    ExportError
    """
    for fitted in head.features.steps if head.features is not None else ():
        if fitted.name in FORMATS[name].steps:
            continue
        others = [one for one, row in FORMATS.items() if fitted.name in row.steps]
        advice = f"export to {' or '.join(others)}, or " if others else ""
        raise ExportError(
            f"The model makes features of images ({head.features}), and {name} has no form for the "
            f"step {fitted.name}: {advice}fit with features='pixels'.",
            parameter="to",
        )
    if head.link == INDEPENDENT and name not in OF_LABELS:
        raise ExportError(
            f"The model gives a row any number of labels, which {name} does not: export it to "
            f"{' or '.join(OF_LABELS)}.",
            parameter="to",
        )
    if float64 and head.features is not None and head.features.backbone is not None:
        raise ExportError(
            "A backbone computes in its own numbers, whatever follows it: leave float64=True out.",
            parameter="float64",
        )


def _head_of(model: SavedModel, class_names: Sequence[str] | None) -> Head:
    """Return what is written of a model.

    Raises
    ------
    ExportError
        For a model that normalises rows, for another number of names than classes, or names that
        occur twice.
    """
    head = head_of(model)
    if head.normalize is not None:
        raise ExportError(
            "The model divides every row by its norm, and no exported format does: normalise rows "
            "before (x / |x|), fit on them with normalize=None, and export that model.",
            parameter="normalize",
        )
    names = head.class_names if class_names is None else tuple(map(str, class_names))
    if len(names) != len(head.class_names):
        raise ExportError(f"{len(names)} class names for {len(head.class_names)} classes.")
    if len(set(names)) < len(names):
        raise ExportError("Two classes have the same name: give class_names that differ.")
    return replace(head, class_names=names)


def _size(path: Path) -> int:
    files = [path] if path.is_file() else [one for one in path.rglob("*") if one.is_file()]
    return sum(one.stat().st_size for one in files)
