"""Whether kills, full disks, crowds, servers and strangers' files leave all whole, and are said.

python -m benchmarks.siege [--quick] [PART ...]
"""

from __future__ import annotations

import io
import json
import resource
import sys
import time
import warnings
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from unittest.mock import patch

import numpy as np
from rich.console import Console
from rich.progress import track
from scipy.special import expit, softmax

from benchmarks.common import arguments, parse, show, table
from benchmarks.events import EVENTS, print_events
from benchmarks.hostile import mutated_model, mutated_run, mutated_text
from imlogit.cli.spelling import respell
from imlogit.data.cache import entries, note_files
from imlogit.data.facts import kept_sources
from imlogit.data.image_set import ImageSet
from imlogit.data.labelled_set import label_digest
from imlogit.errors import ImlogitError
from imlogit.model.file import encode, read
from imlogit.model.head import head_of
from imlogit.model.persist import describe
from imlogit.report.console.examined import print_comparison, print_doubts, print_exemplars
from imlogit.report.console.printing import print_table
from imlogit.report.console.sources import kept_table
from imlogit.report.console.tables import model_table
from imlogit.report.html.content import content_in
from imlogit.report.html.page import page_of
from imlogit.report.run_folder import write_run
from imlogit.runs.doubts import as_csv, doubts
from imlogit.runs.examine import compare, exemplars_of
from imlogit.runs.options import TrainOptions
from imlogit.runs.record import open_record
from imlogit.runs.train import train
from imlogit.system.plain_json import to_printable_json
from imlogit.system.text import printable_lines

TRIALS = {"models": 2000, "runs": 2000, "notes and facts": 1000}
QUICK_SHARE = 200
MOST_SECONDS, MOST_MEGABYTES = 2.0, 300.0
ANSWERED, REFUSED = "answered", "refused in a line"
Work = Callable[[np.random.Generator], str]


@dataclass
class Siege:
    """What came of some mutated files."""

    outcomes: Counter[str] = field(default_factory=Counter)
    faults: list[str] = field(default_factory=list)
    seconds: float = 0.0
    megabytes: float = 0.0


class Target:
    """Right files in a folder, and what is done with mutated ones."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        rng = np.random.default_rng(0)
        pixels = rng.integers(0, 256, (60, 4, 4)).astype(np.uint8)
        labels = np.arange(60) % 3
        pixels[labels == 1, :2] //= 3
        pixels[labels == 2, 2:] //= 3
        self.images = ImageSet(pixels, labels, ("ant", "bee", "cat"), 60, "insects", "made here")
        self.models, self.runs = [], []
        for every_class in (False, True):
            how = TrainOptions(
                positive=None if every_class else "bee",
                every_class=every_class,
                folds=2,
                engine="reference",
            )
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                found = train(self.images, how)
            self.models.append(encode(found.model))
            place = write_run(found, folder / f"run-{every_class}")
            names = ("metrics.json", "predictions.safetensors", "model.imlogit")
            self.runs.append({name: (place / name).read_bytes() for name in names})

    def models_work(self, rng: np.random.Generator) -> str:
        """Mutate a model; show it, and predict with it."""
        path = self.folder / "m.imlogit"
        path.write_bytes(mutated_model(rng, self.models[rng.integers(2)]))
        model = read(path)
        answers = head_of(model).answer(self.images.images)
        _demand(
            np.allclose(answers.probabilities, _independent(path, self.images.images), atol=1e-9),
            "the answer is not what an independent reading says",
        )
        return _printed(lambda console: print_table(console, model_table(model))) + (
            to_printable_json(describe(model), indent=2)
        )

    def runs_work(self, rng: np.random.Generator) -> str:
        """Mutate a run; rank its labels, compare it with itself, and write its page."""
        place = self.folder / "run"
        place.mkdir(exist_ok=True)
        for name, content in mutated_run(rng, self.runs[rng.integers(2)]).items():
            (place / name).write_bytes(content)
        record = open_record(place)
        ranked = doubts(record)

        def tables(console: Console) -> None:
            print_doubts(console, ranked, 20)
            print_exemplars(console, exemplars_of(record))
            print_comparison(console, compare(record, record), ("first", "second"))

        said = _printed(tables) + as_csv(ranked)
        with patch("imlogit.runs.record.notes.by_images", lambda _: self.images):
            # what a page shows is escaped: it goes to no terminal
            page_of(content_in(place)).encode()
        return said

    def notes_work(self, rng: np.random.Generator) -> str:
        """Mutate a note and the facts of an entry; list what is kept, and read the entry."""
        images = self.images
        name = f"images-{images.sha256[:16]}-{'0' * 16}"
        pins = entries.Pins(images.sha256, label_digest(images.labels))
        if entries.read_entry(name, pins) is None:
            entries.write_entry(images, name)
        note = note_files.Note("/insects", "class folders", {}, "0", name, *pins)
        note_files.write_note("0" * 32, note)
        place = note_files.notes_folder() / f"{'0' * 32}.json"
        facts = entries.folder() / name / entries.FACTS
        whole = facts.read_text()
        place.write_text(mutated_text(rng, vars(note)))
        facts.write_text(mutated_text(rng, json.loads(whole)))
        said = _printed(lambda console: print_table(console, kept_table(kept_sources())))
        try:
            entries.read_entry(name, pins)
        finally:
            facts.write_text(whole)
        return said


def besiege(work: Work, n: int, seed: int = 0) -> Siege:
    """Do something with so many mutated files, and say what came of it."""
    found = Siege()
    for number in range(n):
        before, began = _peak(), time.perf_counter()
        try:
            outcome, said = ANSWERED, work(np.random.default_rng([seed, number]))
        except ImlogitError as error:
            outcome, said = REFUSED, printable_lines(respell(str(error)))
            if "\n" in said:
                found.faults.append(f"{number}: several lines: {said[:200]!r}")
        except Exception as error:
            outcome, said = "FAULT", ""
            found.faults.append(f"{number}: {type(error).__name__}: {str(error)[:200]}")
        found.outcomes[outcome] += 1
        found.seconds = max(found.seconds, time.perf_counter() - began)
        found.megabytes = max(found.megabytes, _peak() - before)
        if not said.replace("\n", "").isprintable():
            found.faults.append(f"{number}: a control character is printed")
    return found


def main() -> None:
    """Besiege all that is asked for; exit with 1 where anything failed."""
    parts = (*EVENTS, *TRIALS)
    asked = parse(arguments("siege", parts), parts)
    failed = 0
    if set(asked.parts) & set(EVENTS):
        # first, as what forks must not have threads
        failed += print_events(asked.parts, quick=asked.quick)
    if set(asked.parts) & set(TRIALS):
        failed += print_mutated(asked.parts, quick=asked.quick)
    sys.exit(int(failed > 0))


def print_mutated(parts: list[str], *, quick: bool) -> int:
    """Besiege each kind of file, print what came of it, and return how much failed."""
    headings = ("answered", "refused in a line", "faults", "worst seconds", "worst MB")
    rows, failed = table("Mutated files of strangers", "files", *headings), 0
    with TemporaryDirectory() as folder:
        target = Target(Path(folder))
        works = (target.models_work, target.runs_work, _in(Path(folder, "cache"), target))
        for (name, n), work in track(
            list(zip(TRIALS.items(), works, strict=True)), "Besieging", transient=True
        ):
            if name not in parts:
                continue
            found = besiege(work, n // QUICK_SHARE if quick else n)
            for fault in found.faults:
                print(f"{name} {fault}", flush=True)
            failed += len(found.faults)
            counts = (found.outcomes[ANSWERED], found.outcomes[REFUSED], len(found.faults))
            rows.add_row(
                name, *(f"{n:,}" for n in counts), f"{found.seconds:.2f}", f"{found.megabytes:.0f}"
            )
    rows.add_row("at most", "", "", "0", f"{MOST_SECONDS:.2f}", f"{MOST_MEGABYTES:.0f}")
    show(rows)
    return failed


def _in(cache: Path, target: Target) -> Work:
    """Return the work on notes, in a cache of its own."""
    import os

    def work(rng: np.random.Generator) -> str:
        os.environ["IMLOGIT_CACHE"] = str(cache)
        return target.notes_work(rng)

    return work


def _independent(path: Path, images: Any) -> Any:
    """Return probabilities by the file alone, in few lines."""
    data = path.read_bytes()
    length = int.from_bytes(data[:8], "little")
    header = json.loads(data[8 : 8 + length])
    facts = json.loads(header["__metadata__"]["imlogit"])
    k, d = header["coef"]["shape"]
    numbers = np.frombuffer(data[8 + length :])
    rows = images.reshape(len(images), -1).astype(float)
    if facts.get("normalize"):
        rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    margins = rows @ (numbers[: k * d].reshape(k, d) * facts["pixel_scale"]).T + numbers[k * d :]
    if k == 1:
        return np.hstack([expit(-margins), expit(margins)])
    if facts["multi_class"] == "multinomial":
        return softmax(margins, axis=1)
    return expit(margins) / expit(margins).sum(axis=1, keepdims=True)


def _printed(work: Callable[[Console], None]) -> str:
    out = io.StringIO()
    work(Console(file=out, width=120, highlight=False, markup=False, emoji=False))
    return out.getvalue()


def _demand(good: bool, what: str) -> None:
    if not good:
        raise AssertionError(what)


def _peak() -> float:
    """Return the most memory that this process has held so far, in MB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3


if __name__ == "__main__":
    main()
