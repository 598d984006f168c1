"""What doubts, explain and compare print shows every name as it is."""

from imlogit.report.console import examined
from imlogit.runs.doubts import doubts
from imlogit.runs.examine import compare, exemplars_of, explain_row

from helpers.awkward_names import NAMES


def test_what_examines_a_run(record, training, console):
    examined.print_doubts(console.console, doubts(record), 10_000)
    doubted = console.text()
    examined.print_exemplars(console.console, exemplars_of(record))
    telling = console.text()
    for name in NAMES:
        assert name in doubted
        assert name in telling
    found = explain_row(record, training.task.image_set, 0)
    examined.print_explanation(console.console, found)
    text = console.text()
    for code in (found.evidence.toward, found.evidence.against):
        assert f"probability of {NAMES[code]} " in text
        assert f"pixels for {NAMES[code]} " in text
    examined.print_comparison(console.console, compare(record, record), ("[b]one", "$two$ :smile:"))
    text = console.text()
    assert "[b]one" in text
    assert "$two$ :smile:" in text
