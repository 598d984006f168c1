"""Whether what is said of a fit is true: random problems of every kind, judged in long double."""

from __future__ import annotations

from collections import Counter
from importlib.util import find_spec

from rich.progress import track

from benchmarks.common import arguments, parse, show, table
from benchmarks.problems import Verdict, draw, judge

PROBLEMS, QUICK_PROBLEMS, QUICK_ENTRIES = 5000, 4, 3000
# TensorFlow traces a graph for each shape: one problem in so many is its.
TENSORFLOW_EVERY = 20
HEADINGS = "status", "problems", "false claims", "a peer does better", "crashes"


def main() -> None:
    """Judge so many problems, and print what came of them and every fault."""
    parser = arguments("trust")
    parser.add_argument("--problems", type=int, default=PROBLEMS, metavar="N", help="how many")
    parser.add_argument("--first", type=int, default=0, metavar="N", help="the first one's number")
    asked = parse(parser)
    n = QUICK_PROBLEMS if asked.quick else asked.problems
    verdicts = []
    for number in track(range(asked.first, asked.first + n), "Judging", transient=True):
        problem = (
            draw(number, _engines(number), QUICK_ENTRIES)
            if asked.quick
            else draw(number, _engines(number))
        )
        verdicts.append(judge(problem))
        for fault in verdicts[-1].faults:
            print(f"{problem}: {fault}", flush=True)
    show(_summary(verdicts))


def _engines(number: int) -> tuple[str, ...]:
    if number % TENSORFLOW_EVERY == 0 and find_spec("tensorflow"):
        return ("tensorflow",)
    return ("numba", "reference")


def _summary(verdicts: list[Verdict]) -> object:
    found = table(f"Trust in {len(verdicts):,} random problems", *HEADINGS)
    count = Counter(verdict.status for verdict in verdicts)
    for status in [*sorted(count), "all"]:
        these = [v for v in verdicts if status in (v.status, "all")]
        crashes = sum(v.status == "crash" for v in these)
        beaten = sum(any("a peer at" in fault for fault in v.faults) for v in these)
        false = sum(bool(v.faults) for v in these) - crashes - beaten
        found.add_row(status, *map(str, (len(these), false, beaten, crashes)))
    return found


if __name__ == "__main__":
    main()
