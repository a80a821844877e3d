"""``-o html``: the report as one page, to share and to print. It fetches nothing.

The template only places what ``view`` prepares. Every text passes ``_harmless`` and is escaped, and
the page's own policy lets no script and no style run but the two that are part of this package.
"""

import base64
import hashlib
from functools import cache
from importlib.resources import files
from typing import Any, Final

from jinja2 import Environment, FunctionLoader, StrictUndefined
from markupsafe import Markup

from kubectl_portcheck.model.report import Report
from kubectl_portcheck.render.html.view import Whole, page_of
from kubectl_portcheck.render.text import clean_block

TEMPLATE: Final = "page.html.j2"


def render_html(report: Report, version: str) -> str:
    """The report as an HTML document."""
    style, script = _asset("page.css"), _asset("page.js")
    return (
        _environment()
        .get_template(TEMPLATE)
        .render(
            page=page_of(report),
            version=version,
            style=Markup(style),
            script=Markup(script),
            policy=(
                f"default-src 'none'; img-src data:; base-uri 'none'; form-action 'none'; "
                f"style-src '{_digest(style)}'; script-src '{_digest(script)}'"
            ),
        )
    )


@cache
def _environment() -> Environment:
    return Environment(
        loader=FunctionLoader(_asset),
        autoescape=True,
        finalize=_harmless,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def _harmless(value: Any) -> Any:
    """Make a text harmless that is about to be placed; what is markup already stays."""
    if isinstance(value, Markup):
        return value
    if isinstance(value, Whole):
        return str(value)
    return clean_block(value) if isinstance(value, str) else value


@cache
def _asset(name: str) -> str:
    return files(__package__).joinpath(name).read_text(encoding="utf-8")


def _digest(text: str) -> str:
    """The name by which a Content-Security-Policy allows an inline script or style."""
    return f"sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}"
