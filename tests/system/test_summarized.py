"""What results say of themselves: half a line, and tables without script in notebooks."""

import re
from dataclasses import replace
from html import unescape

import numpy as np
import pytest
from sklearn import config_context

import imlogit
from imlogit.checks.finding import Exhibit, Finding, Findings, Severity, Status
from imlogit.system.summarized import MOST_ROWS, NotebookTable, Summarized

from helpers.awkward_names import striped_images
from helpers.tools import need

HOSTILE = "<script>throw 1</script>", "\"'\u202e</table>&\x1b"


@pytest.fixture(scope="module")
def results(embedded):
    X, y = embedded.images[::20], embedded.labels[::20] == 2
    model = imlogit.LogisticRegression(engine="reference")
    checked = imlogit.cross_validate(model, X, y, cv=3)
    drawn = imlogit.bootstrap(model, X, y, n=3, scores=["accuracy"])
    run = imlogit.train(embedded, folds=2, C=1e-4)
    seen = imlogit.evaluate(run.model, embedded)
    explained = imlogit.explain(run.model, ["mnist-5k"], row=3)[0]
    parts = [checked, checked.folds[0], checked.pooled, drawn, drawn.scores["accuracy"]]
    proved = [checked.estimator.certificate_, run.checks]
    return [*parts, *proved, run, run.task, run.model, seen, explained]


@pytest.fixture(scope="module")
def hostile():
    """A run of two classes whose names are markup, and an evaluation of it."""
    images = striped_images((12, 6), HOSTILE)
    run = imlogit.train(images, every_class=True, folds=2, C=0.1, engine="reference")
    return run, imlogit.evaluate(run.model, images)


def parsed(shown):
    """Read what a notebook shows, strictly; fail where it brings more than a table."""
    page = f"<!DOCTYPE html><html><head><title>.</title></head><body>{shown}</body></html>"
    need("html5lib").HTMLParser(strict=True).parse(page)
    kinds = set(re.findall(r"<(\w+)", shown))
    assert kinds <= {"div", "table", "caption", "thead", "tbody", "tr", "th", "td", "p", "br"}
    assert "color" not in shown
    assert "background" not in shown
    return unescape(re.sub(r"<[^>]*>", "\n", shown)).split("\n")


def test_half_a_line_and_tables(results):
    for one in results:
        said = repr(one)
        assert said.startswith(f"<{type(one).__name__}: ")
        assert len(said) < 110
        assert "\n" not in said
        parsed(one._repr_html_())


def test_what_is_shown_is_what_is_held(results):
    kinds = {type(one).__name__: one for one in results}
    shown = {name: parsed(one._repr_html_()) for name, one in kinds.items()}
    figures = {"TrainResult": kinds["TrainResult"].test, "Assessment": kinds["Assessment"].scores}
    for name, scores in figures.items():
        for score in scores.values.values():
            assert set(score.texts()) <= set(shown[name])
    folds = kinds["CrossValidation"].folds
    assert {f"{fold.scores['log_loss'].value:.4f}" for fold in folds} <= set(
        shown["CrossValidation"]
    )
    assert f"{kinds['Certificate'].relative_gap:.2e}" in shown["Certificate"]
    assert set(kinds["Findings"].codes) <= set(shown["Findings"])
    assert kinds["Findings"].in_short() in shown["Findings"]


@pytest.mark.parametrize("part", ["run", "run.checks", "seen"])
def test_hostile_names_are_shown_and_not_followed(hostile, part):
    run, seen = hostile
    shown = {"run": run, "run.checks": run.checks, "seen": seen}[part]._repr_html_()
    parsed(shown)
    assert "\u202e" not in shown


def test_figures_that_are_no_estimate_are_not_shown_without_that(hostile):
    run, _ = hostile
    said = Finding("a", Severity.ERROR, Status.FAILED, "9 images are twins.", void=True)
    shown = parsed(replace(run, checks=Findings((said,)))._repr_html_())
    assert any(line.endswith("has not seen: 9 images are twins.") for line in shown)


def test_figures_stand_right_and_sentences_left():
    rows = [("a", "+0.5", "0.1 to 0.9", "3 of 4"), ("b", "undefined", "", "5 are twins.")]
    shown = NotebookTable("t", rows, ("", "value", "interval", "words")).to_html()
    assert shown.count("text-align: right") == 2 * 3
    assert "right" not in NotebookTable("t", rows).to_html()


def test_markup_is_text():
    exhibit = Exhibit((("test", 3),), "looks like", (HOSTILE[0],))
    texts = HOSTILE[1], "Look.\nTwice."
    finding = Finding("a", Severity.ERROR, Status.FAILED, *texts, exhibits=(exhibit,), n_affected=9)
    lines = parsed(Findings((finding,))._repr_html_())
    assert "\"'\\u202e</table>&\\x1b Look." in lines
    assert f"test row 3 ({HOSTILE[0]}): looks like" in lines
    assert "and 8 more" in lines
    assert "1 checks: 0 passed, 1 failed (1 error), 0 do not apply." in lines


def test_names_are_no_markup_and_no_controls():
    class Named(Summarized):
        def _summary(self):
            return dict(zip(HOSTILE, HOSTILE, strict=True))

    assert {HOSTILE[0], "\"'\\u202e</table>&\\x1b"} <= set(parsed(Named()._repr_html_()))
    assert repr(Named()).isprintable()


def test_a_long_table_is_cut_and_says_so():
    shown = NotebookTable("Folds", [(str(k), f"{k}.5") for k in range(MOST_ROWS + 7)]).to_html()
    assert shown.count("<tr>") == MOST_ROWS
    assert "and 7 more rows" in parsed(shown)
    assert parsed(NotebookTable("None", []).to_html())


def test_arrays_are_not_spelled_out():
    held = imlogit.cross_validate(
        imlogit.LogisticRegression(engine="reference"), np.eye(6), [0, 1] * 3, cv=2
    )
    assert "array(" not in repr(held)
    assert "Pass(" not in repr(held.estimator.certificate_)


def proof_of(shown):
    """Return what stands below a diagram, whose ids are new each time."""
    _, *below = shown.partition("<table><caption")
    return "".join(below)


@pytest.mark.filterwarnings("ignore::imlogit.GridEdgeWarning")
@pytest.mark.parametrize("kind", [imlogit.LogisticRegression, imlogit.LogisticRegressionCV])
def test_an_estimator_shows_its_proof_below_the_diagram(kind):
    model = kind(engine="reference")
    plain = model._repr_mimebundle_()["text/html"]
    assert "<caption" not in plain
    model.fit(np.eye(20)[:, :3], [HOSTILE[0], "b"] * 10)
    shown = model._repr_mimebundle_()["text/html"]
    assert proof_of(model._repr_html_()) == proof_of(shown)
    assert f"{kind.__name__}(" in shown
    words = parsed(proof_of(shown))
    assert f"{HOSTILE[0]}, b" in words
    assert f"{model.certificate_.relative_gap:.2e}" in words
    with config_context(display="text"):
        assert not hasattr(model, "_repr_html_")
        assert "text/html" not in model._repr_mimebundle_()
