"""What a notebook shows of an estimator: scikit-learn's diagram, and what is proved of a fit."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sklearn.base import BaseEstimator

from imlogit.system.summarized import NotebookTable
from imlogit.system.text import counted, first_of


class ShownWithProof(BaseEstimator):  # type: ignore[misc]
    """An estimator whose certificate stands below its diagram, once it is fitted.

    Where scikit-learn shows no diagram, by ``set_config(display="text")``, there is none here.
    """

    @property
    def _repr_html_(self) -> Callable[[], str]:
        diagram = super()._repr_html_
        return lambda: diagram() + self._proof()

    def _repr_mimebundle_(self, **kwargs: Any) -> dict[str, str]:
        bundle: dict[str, str] = super()._repr_mimebundle_(**kwargs)
        if "text/html" in bundle:
            bundle["text/html"] += self._proof()
        return bundle

    def _proof(self) -> str:
        if not hasattr(self, "certificate_"):
            return ""
        known = self.classes_
        names = counted(len(known), "label") if isinstance(known, list) else _named(known)
        rows = (("classes", names), ("C", f"{self.C_:.6g}"), *self.certificate_.in_words().items())
        notes = (self.certificate_.in_short(),)
        return NotebookTable(f"{type(self).__name__}, fitted", rows, notes=notes).to_html()


def _named(classes: Any) -> str:
    return first_of([str(one) for one in classes.tolist()])
