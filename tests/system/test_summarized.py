"""What results say of themselves: half a line, and a table without script in notebooks."""

import numpy as np
import pytest

import imlogit
from imlogit.system.summarized import Summarized


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
    return [*parts, run, run.task, run.model, seen, explained]


def test_half_a_line_and_a_small_table(results):
    for one in results:
        said = repr(one)
        assert said.startswith(f"<{type(one).__name__}: ")
        assert len(said) < 110
        assert "\n" not in said
        shown = one._repr_html_()
        assert shown.startswith("<table>")
        assert "<script" not in shown
        assert "color" not in shown


def test_names_are_no_markup():
    class Named(Summarized):
        def _summary(self):
            return {"name": "<script>alert(1)</script>"}

    assert "<script>" not in Named()._repr_html_()


def test_arrays_are_not_spelled_out():
    held = imlogit.cross_validate(
        imlogit.LogisticRegression(engine="reference"), np.eye(6), [0, 1] * 3, cv=2
    )
    assert "array(" not in repr(held)
