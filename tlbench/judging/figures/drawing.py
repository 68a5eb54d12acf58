"""A drawing: a figure as standalone SVG with its caption and its numbers, and how it goes into a page."""

import io
import re
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from xml.sax.saxutils import escape

import matplotlib as mpl
import pandas as pd
from matplotlib.figure import Figure

from tlbench.judging.figures.style import INK, PAPER, RULE
from tlbench.records import DRAWN_BY

PAGE = "../report.html"  # from where figures lie
TAG = re.compile(r"<[^<>]*>")  # text between tags is the user's and stays as it is
THEME = {PAPER: "var(--paper)", INK: "var(--ink)", RULE: "var(--rule)"}


@dataclass(frozen=True)
class Drawing:
    """A figure: its file's stem, what it shows, how to read it, its SVG, and the numbers behind it with their units."""

    name: str
    title: str
    caption: str
    svg: str
    table: pd.DataFrame


def link_to(cell: str) -> str:
    """From a figure to a cell's place on the page, by the path of its records."""
    return f"{PAGE}#{cell}"


def svg_of(figure: Figure, name: str, title: str) -> str:
    """The figure as SVG: real text, the same bytes for the same input, ids that differ between figures."""
    out = io.StringIO()
    with mpl.rc_context({"svg.hashsalt": name}), warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Glyph", UserWarning)  # the reader's fonts draw the text, not ours
        figure.savefig(out, format="svg", metadata=dict.fromkeys(("Date", "Creator", "Format", "Type")))
    whole = re.sub(r"<defs>\s*<style.*?</style>\s*</defs>", "", out.getvalue(), flags=re.DOTALL)
    used = set(re.findall(r"#([\w.-]+)", whole))
    whole = _in_tags(whole, lambda tag: _lean(tag, used))
    head, start, body = whole.partition("<svg ")
    attributes, end, rest = body.partition(">")
    style = ' style="stroke-linejoin: round; stroke-linecap: butt"'
    return f"{head}{start}{attributes}{style}{end}\n <title>{escape(title)}</title><desc>{DRAWN_BY}</desc>{rest}"


def themed(svg: str) -> str:
    """The same for a page: scaled by its CSS up to its own size, in the page's `--paper`, `--ink` and `--rule`."""
    whole = svg[svg.index("<svg ") :]
    head, end, rest = whole.partition(">")
    widths = re.findall(r' width="([^"]*)"', head)
    head = re.sub(r' (?:width|height)="[^"]*"', "", head)
    head = head.replace('style="', f'role="img" style="max-width: {widths[0]}; ')
    return head + end + _in_tags(rest, _recoloured)


def _in_tags(svg: str, change: Callable[[str], str]) -> str:
    return TAG.sub(lambda match: change(match[0]), svg)


def _recoloured(tag: str) -> str:
    for colour, variable in THEME.items():
        tag = tag.replace(f": {colour}", f": {variable}")
    return tag.replace(f'"{PAGE}#', '"#').replace(' target="_blank"', "")


def _lean(tag: str, used: set[str]) -> str:
    """A tag without ids that nothing refers to, without turns by nothing, its numbers to a hundredth of a point."""
    if tag.startswith("<a "):
        return tag
    tag = re.sub(r' id="([^"]*)"', lambda match: match[0] if match[1] in used else "", tag)
    tag = re.sub(r' transform="rotate\(-0 [^"]*"', "", tag)
    return re.sub(r"(\.\d\d)\d+", r"\1", tag)
