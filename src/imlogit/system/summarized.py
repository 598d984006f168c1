"""Values that say in half a line what they are, and a little more in a notebook."""

from __future__ import annotations

from html import escape


class Summarized:
    """A value with a short ``repr`` and a small table in notebooks, both made of a few facts.

    A dataclass that inherits it has ``repr=False``: arrays, spelled out, are a thousand lines.
    """

    def _summary(self) -> dict[str, str]:
        """Return what is said of it, by name."""
        raise NotImplementedError

    def __repr__(self) -> str:
        facts = ", ".join(f"{name} {value}" for name, value in self._summary().items())
        return f"<{type(self).__name__}: {facts}>"

    def _repr_html_(self) -> str:
        """Return the facts as a table: no script, and the colours are the notebook's."""
        rows = "".join(
            f'<tr><th scope="row" style="text-align: left">{escape(name)}</th>'
            f'<td style="text-align: left">{escape(value)}</td></tr>'
            for name, value in self._summary().items()
        )
        return f"<table><caption>{escape(type(self).__name__)}</caption>{rows}</table>"
