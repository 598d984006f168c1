"""The page of a run or an evaluation: one file that asks for nothing, whatever is in it."""

from __future__ import annotations

import base64
import hashlib
from pathlib import Path
from typing import TYPE_CHECKING

from imlogit.report.html.content import PageContent
from imlogit.report.html.pad import pad_section
from imlogit.report.html.sections import (
    PAD,
    sections_of,
    table_of_scores,
    verdict,
    words_of_certificate,
)
from imlogit.report.table import plain_text
from imlogit.system.plain_json import to_printable_json

if TYPE_CHECKING:
    from jinja2 import Environment

HERE = Path(__file__).parent
FILE_NAME = "report.html"


def page_of(content: PageContent) -> str:
    """Return the page, the same text for the same content.

    Parameters
    ----------
    content : PageContent

    Returns
    -------
    str
        HTML.
    """
    from markupsafe import Markup

    environment, pad = _environment(), pad_section(content.model)
    sections = list(sections_of(content))
    # their templates have escaped what is text
    shown = {
        one.key: Markup(
            environment.get_template(f"sections/{one.key}.html.j2").render(
                content=content, pad=pad, pad_data=_embedded(pad.data), **one.values
            )
        )
        for one in sections
    }
    style, script = _static("page.css") + pad.style, _static("page.js")
    page: str = environment.get_template("page.html.j2").render(
        content=content,
        sections=sections,
        shown=shown,
        pad_key=PAD,
        verdict=verdict(content),
        scores=table_of_scores(content),
        certificate=words_of_certificate(content),
        style=style,
        script=script,
        style_hash=_hash(style),
        script_hashes=" ".join(map(_hash, (*pad.scripts, script))),
    )
    # names of files may hold bytes that are no text
    return page.encode("utf-8", "backslashreplace").decode("utf-8")


def _environment() -> Environment:
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    environment = Environment(
        autoescape=True,
        loader=FileSystemLoader(HERE / "templates"),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"plain": plain_text, "signed": _signed}
    return environment


def _signed(value: float, digits: int = 2) -> str:
    """Return a number that always has a sign, and a minus as wide as a plus."""
    return f"{value:+.{digits}f}".replace("-", "\N{MINUS SIGN}")


def _embedded(data: object) -> str:
    """Return JSON that no element of a page ends in."""
    return to_printable_json(data).replace("<", "\\u003c")


def _static(name: str) -> str:
    return (HERE / "static" / name).read_text(encoding="utf-8")


def _hash(text: str) -> str:
    digest = hashlib.sha256(text.encode("utf-8")).digest()
    return f"'sha256-{base64.b64encode(digest).decode()}'"
