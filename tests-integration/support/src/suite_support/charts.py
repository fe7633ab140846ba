"""Draw comparisons as SVG, once for light and once for dark pages.

Needs matplotlib, which only the bench environment has.
"""

from __future__ import annotations

import importlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

WIDTH = 7.6
"""Of a chart, in inches; with the font's size it makes letters as large as those of the page around it."""
BAR = 0.3


@dataclass(frozen=True)
class Theme:
    """Colours of a chart; `suffix` is what its file's name ends with."""

    suffix: str
    background: str
    text: str
    ours: str
    other: str


# The backgrounds are those of the site's two schemes; either chart can be read wherever it is shown.
THEMES = (
    Theme("", "#ffffff", "#24292f", "#3f51b5", "#b4bac4"),
    Theme("-dark", "#1e2129", "#e2e4e9", "#7c8cf8", "#5b6170"),
)


@dataclass(frozen=True)
class Bar:
    """One row of a chart."""

    label: str
    length: float
    note: str
    ours: bool


def job_bars(comparison: Mapping[str, Any]) -> list[Bar]:
    """A row for each case of a job, in the job's order; the first, in colour, is what the others are compared with."""
    return [
        Bar(
            figure["name"],
            figure["minimum"] * 1e3,
            f"{figure['minimum'] * 1e3:.4g} {comparison['unit']}   {figure['ratio_of_minima']:.2f}x",
            ours=place == 0,
        )
        for place, figure in enumerate(comparison["figures"])
    ]


def headline_bar(label: str, peer: str, times: float) -> Bar:
    """A row of the summary: how many times as fast as the peer ours is."""
    return Bar(label, times, f"{times:.1f}x {peer}", ours=True)


def draw(bars: Sequence[Bar], title: str, path: Path, caption: str = "") -> list[Path]:
    """Write the bars below each other into `path` and, for dark pages, its sibling that ends with `-dark`.

    Returns:
        The files written.
    """
    return [_draw(bars, title, path.with_stem(path.stem + theme.suffix), caption, theme) for theme in THEMES]


def _draw(bars: Sequence[Bar], title: str, path: Path, caption: str, theme: Theme) -> Path:
    matplotlib = importlib.import_module("matplotlib")
    figures = importlib.import_module("matplotlib.figure")
    style = {
        # The same figures give the same file; text stays text, in a font of the reader's.
        "svg.hashsalt": "aio-suite",
        "svg.fonttype": "none",
        "font.family": "sans-serif",
        "font.sans-serif": ["DejaVu Sans"],
        "font.size": 10,
        "text.color": theme.text,
    }
    with matplotlib.rc_context(style):
        height = BAR * len(bars) + 0.45 + (0.3 if caption else 0)
        figure = figures.Figure(figsize=(WIDTH, height), facecolor=theme.background)
        # Text is placed in inches, so that all charts of a page line up, whatever their height.
        top = height - 0.42
        longest = max(bar.length for bar in bars)
        axes = figure.add_axes((0, (top - BAR * len(bars)) / height, 1, BAR * len(bars) / height))
        axes.set(xlim=(0, WIDTH), ylim=(-len(bars) + 0.5, 0.5))
        axes.set_axis_off()
        figure.text(0.1 / WIDTH, 1 - 0.26 / height, title, weight="bold")
        left, right = 2.35, 1.6
        for place, bar in enumerate(bars):
            length = (WIDTH - left - right) * bar.length / longest
            axes.barh(-place, length, left=left, height=0.66, color=theme.ours if bar.ours else theme.other)
            axes.text(left - 0.1, -place, bar.label, ha="right", va="center", weight="bold" if bar.ours else "normal")
            axes.text(left + length + 0.08, -place, bar.note, ha="left", va="center", size=9)
        if caption:
            figure.text(0.1 / WIDTH, 0.1 / height, caption, size=8.5, alpha=0.8)
        figure.savefig(path, format="svg", metadata={"Date": None, "Creator": None}, facecolor=theme.background)
    return path


__all__ = ["Bar", "draw", "headline_bar", "job_bars"]
