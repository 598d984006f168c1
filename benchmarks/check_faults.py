"""Every check on clean sets and on planted faults: its false alarms, and the faults it finds."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np
from sklearn.linear_model import LogisticRegression as Peer
from sklearn.model_selection import KFold

import imlogit
from benchmarks.changes import CHANGES
from benchmarks.check_cases import DIGITS, SIDE, Case, as_pixels, kinds_of
from benchmarks.common import table
from imlogit.checks.finding import Severity, Status
from imlogit.checks.table import CHECKS

# A light ground around photographs, as of goods for sale.
MARGIN, LIGHT = 3, 240
SOUGHT, RECALL = 1, 0.8
COPIES = ("shifted by a pixel", "mirrored", "JPEG, quality 75", "gamma 1.2")
GRID = (1e-5, 1e-4, 1e-3, 1e-2, 0.1, 1.0, 10.0, 100.0, 1000.0)


class Fault(NamedTuple):
    """A fault of which a check is to tell."""

    code: str
    words: str
    plant: Callable[[Case, Any], Case]
    found: Callable[[Case, str], bool]


def faults_found(digits: Any, labels: Any, *, sets: int, half: int) -> Any:
    """Return the table of false alarms on clean sets, and of planted faults that were found."""
    kinds = kinds_of(digits, labels)
    new = table(
        f"Every check: false alarms in {sets} clean sets of each kind of images, and planted "
        f"faults found in {sets}; {half} training and {half} test images",
        *("check", "severity", "fault, in each set", "false alarms", "found"),
    )
    cases = {kind: [make(seed, half) for seed in range(sets)] for kind, make in kinds.items()}
    alarms = {kind: [clean_alarms(case) for case in made] for kind, made in cases.items()}
    for check in CHECKS:
        raised = ", ".join(str(sum(check.code in one for one in alarms[kind])) for kind in cases)
        for fault in (one for one in FAULTS if one.code == check.code):
            found = ", ".join(str(n) for n in found_in(fault, cases))
            new.add_row(check.code, str(check.severity), fault.words, raised, found)
    return new


def found_in(fault: Fault, cases: dict[str, list[Case]]) -> Iterator[int]:
    """Yield in how many sets of each kind a fault is found."""
    for made in cases.values():
        yield sum(
            fault.found(fault.plant(case, np.random.default_rng(seed)), fault.code)
            for seed, case in enumerate(made)
        )


def clean_alarms(case: Case) -> set[str]:
    """Return the codes of checks that fail for a clean set: arrays with a sweep, and a run."""
    swept = replace(case, estimator=_sweep(GRID), cv=KFold(5)).material()
    # the run looks for near copies, which takes longest, in the same images
    looks = (one for one in CHECKS if one.code != "overlap-near")
    failed = {one.code for one in looks if one.look(swept).status is Status.FAILED}
    # what a threshold for a recall costs is a note, and true
    return failed | {one.code for one in _run(case).failed if one.severity is not Severity.NOTE}


def _sweep(Cs: tuple[float, ...]) -> Any:
    return imlogit.LogisticRegressionCV(Cs=list(Cs), cv=5)


def _run(case: Case) -> Any:
    """Return what a run finds that looks for one class, with a recall."""
    options = {"positive": f"class {SOUGHT}", "recall": RECALL, "folds": 5}
    return imlogit.train(case.images(), **options).checks


def _by_arrays(case: Case, code: str) -> bool:
    check = next(one for one in CHECKS if one.code == code)
    return check.look(case.material()).status is Status.FAILED


def _by_run(case: Case, code: str) -> bool:
    return bool(_run(case)[code].failed)


def _with(rows: Any, place: Any, image: Any) -> Any:
    changed = rows.copy()
    changed[place] = image
    return changed


def _changed_one(change: Callable[[Any], Any]) -> Callable[[Case, Any], Case]:
    """Change the first training image."""
    return lambda case, rng: replace(case, rows=_with(case.rows, 0, change(case.rows[0])))


def _copy(case: Case, rng: Any) -> Case:
    """Put one changed training image into the test part, in another image's place."""
    copy = CHANGES[str(rng.choice(COPIES))](case.rows[rng.integers(len(case.rows))])
    return replace(case, test_rows=_with(case.test_rows, 0, copy))


def _one_more(case: Case, rng: Any, other: int = 0) -> Case:
    """Repeat a training image, with its own label or another one."""
    label = (case.labels[:1] + other) % len(DIGITS)
    rows, labels = [case.rows, case.rows[:1]], [case.labels, label]
    return replace(case, rows=np.concatenate(rows), labels=np.concatenate(labels))


def _few(n: int) -> Callable[[Case, Any], Case]:
    """Leave the class looked for n training images."""

    def plant(case: Case, rng: Any) -> Case:
        left_out = np.flatnonzero(case.labels == SOUGHT)[n:]
        rows, labels = (np.delete(one, left_out, axis=0) for one in (case.rows, case.labels))
        return replace(case, rows=rows, labels=labels)

    return plant


def _rare_in_test(keep: float) -> Callable[[Case, Any], Case]:
    """Keep a share of a class in the test part."""

    def plant(case: Case, rng: Any) -> Case:
        kept = (case.test_labels != SOUGHT) | (rng.random(len(case.test_labels)) < keep)
        return replace(case, test_rows=case.test_rows[kept], test_labels=case.test_labels[kept])

    return plant


def _frequent(case: Case, rng: Any) -> Case:
    """Call every class but one the same, and leave two of three images of that one out."""
    case = _rare_in_test(1 / 3)(case, rng)
    return replace(case, positive=SOUGHT)


def _sorted(shuffled: float) -> Callable[[Case, Any], Case]:
    """Sort the training rows by class, and swap a share of them."""

    def plant(case: Case, rng: Any) -> Case:
        order = np.argsort(case.labels, kind="stable")
        some = np.flatnonzero(rng.random(len(order)) < shuffled)
        order[some] = order[rng.permutation(some)]
        return replace(case, rows=case.rows[order], labels=case.labels[order], cv=KFold(5))

    return plant


def _inverted(is_negative: Callable[[Any, bool], Any]) -> Callable[[Case, Any], Case]:
    """Invert the images of which that is true, by their labels and whether they are for tests."""

    def plant(case: Case, rng: Any) -> Case:
        parts = {}
        for name, labels in (("rows", case.labels), ("test_rows", case.test_labels)):
            images = _on_ground(getattr(case, name))
            chosen = is_negative(labels, name == "test_rows")
            images[chosen] = 255 - images[chosen]
            parts[name] = images
        return replace(case, **parts)

    return plant


def _on_ground(images: Any) -> Any:
    """Return photographs on a light ground, as of goods for sale; digits have a dark one."""
    images = images.copy()
    if images.shape[1] == SIDE:
        inner = images[:, MARGIN:-MARGIN, MARGIN:-MARGIN].copy()
        images[:] = LIGHT
        images[:, MARGIN:-MARGIN, MARGIN:-MARGIN] = inner
    return images


def _brighter(deviations: float) -> Callable[[Case, Any], Case]:
    """Make the test part brighter by deviations of the images' mean brightness."""

    def plant(case: Case, rng: Any) -> Case:
        means = case.rows.reshape(len(case.rows), -1).mean(axis=1)
        return replace(case, test_rows=as_pixels(case.test_rows + deviations * means.std()))

    return plant


def _estimated(new: Callable[[], Any], features: bool = False) -> Callable[[Case, Any], Case]:
    """Fit an estimator, of features from 0 to 1 where it is another library's."""

    def plant(case: Case, rng: Any) -> Case:
        parts = {
            name: rows.reshape(len(rows), -1) / 255 if features else rows
            for name, rows in (("rows", case.rows), ("test_rows", case.test_rows))
        }
        return replace(case, **parts, estimator=new())

    return plant


def _one_or_not(case: Case, C: float = 1.0) -> Case:
    """Tell one class from all others: always answering no is right for three of four."""
    labels, test_labels = case.labels == SOUGHT, case.test_labels == SOUGHT
    model = imlogit.LogisticRegression(C=C)
    return replace(case, labels=labels, test_labels=test_labels, estimator=model)


def _shuffled_labels(case: Case, rng: Any) -> Case:
    return _one_or_not(replace(case, labels=rng.permutation(case.labels)))


def _mislabelled(share: float) -> Callable[[Case, Any], Case]:
    """Call some test images of other classes by the one looked for, a share of its number."""

    def plant(case: Case, rng: Any) -> Case:
        own, others = (np.flatnonzero((case.test_labels == SOUGHT) == one) for one in (True, False))
        called = rng.choice(others, round(share * len(own)), replace=False)
        return replace(case, test_labels=_with(case.test_labels, called, SOUGHT))

    return plant


FAULTS = (
    Fault(
        "lengths",
        "one label left out",
        lambda case, rng: replace(case, labels=case.labels[:-1]),
        _by_arrays,
    ),
    Fault(
        "label-type",
        "`'1'` looked for among 0 to 3",
        lambda case, rng: replace(case, positive=str(SOUGHT)),
        _by_arrays,
    ),
    Fault(
        "constant-labels",
        "one label for the whole test part",
        lambda case, rng: replace(case, test_labels=case.test_labels * 0),
        _by_arrays,
    ),
    Fault(
        "many-classes",
        "one class looked for, a model of four",
        lambda case, rng: replace(
            case, positive=SOUGHT, estimator=imlogit.LogisticRegression(C=0.01)
        ),
        _by_arrays,
    ),
    Fault("class-absent", "no test image of a class", _rare_in_test(0), _by_arrays),
    Fault("class-tiny", "9 training images of a class", _few(9), _by_arrays),
    Fault("base-rate", "about 10% of the test images are of the label", _frequent, _by_arrays),
    Fault("sorted-rows", "sorted by class", _sorted(0), _by_arrays),
    Fault("sorted-rows", "sorted by class, 2% of rows elsewhere", _sorted(0.02), _by_arrays),
    Fault(
        "conflicting-labels",
        "one training image twice, with two labels",
        lambda case, rng: _one_more(case, rng, 1),
        _by_arrays,
    ),
    Fault(
        "overlap-exact",
        "one test image is a training image",
        lambda case, rng: replace(
            case, test_rows=_with(case.test_rows, 0, case.rows[rng.integers(len(case.rows))])
        ),
        _by_arrays,
    ),
    Fault(
        "overlap-near",
        "one copy, shifted by a pixel, mirrored, recompressed or with gamma 1.2",
        _copy,
        _by_arrays,
    ),
    Fault("duplicates", "one training image twice", _one_more, _by_arrays),
    Fault(
        "image-constant", "one image of one grey", _changed_one(lambda _: np.uint8(128)), _by_arrays
    ),
    Fault(
        "image-inverted",
        "the test part inverted; photographs on a light ground",
        _inverted(lambda labels, of_test: np.full(len(labels), of_test)),
        _by_arrays,
    ),
    Fault(
        "image-inverted",
        "a class inverted; photographs on a light ground",
        _inverted(lambda labels, of_test: labels == SOUGHT),
        _by_arrays,
    ),
    Fault(
        "image-range",
        "pixels from 0 to 15",
        lambda case, rng: replace(case, rows=case.rows // 16, test_rows=case.test_rows // 16),
        _by_arrays,
    ),
    Fault(
        "image-brightness",
        "one image brought by 90% to white",
        _changed_one(lambda image: as_pixels(255 - (255.0 - image) / 10)),
        _by_arrays,
    ),
    Fault(
        "image-scale", "one image divided by 16", _changed_one(lambda one: one // 16), _by_arrays
    ),
    Fault(
        "class-mix",
        "five of six test images of a class left out",
        _rare_in_test(1 / 6),
        _by_arrays,
    ),
    Fault(
        "brightness-shift", "the test part half a deviation brighter", _brighter(0.5), _by_arrays
    ),
    Fault(
        "not-converged",
        "scikit-learn stopped after 5 iterations",
        _estimated(lambda: Peer(max_iter=5), features=True),
        _by_arrays,
    ),
    Fault(
        "separable",
        "no penalty",
        _estimated(lambda: imlogit.LogisticRegression(C=np.inf)),
        _by_arrays,
    ),
    Fault(
        "no-better-than-base-rate",
        "one class or not, C = 1e-7",
        lambda case, rng: _one_or_not(case, 1e-7),
        _by_arrays,
    ),
    Fault(
        "no-better-than-base-rate",
        "one class or not, training labels shuffled",
        _shuffled_labels,
        _by_arrays,
    ),
    Fault(
        "promise",
        "recall of 0.8 asked for, as many test images again called by the label",
        _mislabelled(1),
        _by_run,
    ),
    Fault(
        "grid-edge", "no C above 1e-5", _estimated(lambda: _sweep((1e-7, 1e-6, 1e-5))), _by_arrays
    ),
)
