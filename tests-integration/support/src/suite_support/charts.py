"""Draw comparisons as SVG, once for light and once for dark pages.

Needs matplotlib, which only the bench environment has.
"""

from __future__ import annotations

import importlib
import textwrap
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

# Inches. So narrow, letters are as large as those of the page around them, and not much smaller on a phone.
WIDTH = 4.8
LABELS = 2.05
NOTES = 1.35
MARGIN = 0.1
BAR = 0.29
LINE = 0.22
LETTERS_IN_A_TITLE = 48


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
    Theme("-dark", "#1e2129", "#e2e4e9", "#7c8cf8", "#747b8d"),
)


@dataclass(frozen=True)
class Bar:
    """One row of a chart."""

    label: str
    length: float
    note: str
    ours: bool


def job_bars(comparison: Mapping[str, Any]) -> list[Bar]:
    """A row for each case of a job, in the job's order, with its ratio to the first; ours in colour."""
    taken = {figure["name"]: figure[comparison["statistic"]] * 1e3 for figure in comparison["figures"]}
    first = next(iter(taken.values()))
    ours = _ours(comparison)
    return [
        Bar(name, length, f"{_quantity(length, comparison['unit'])} · {_short(length / first)}x", ours=name in ours)
        for name, length in taken.items()
    ]


def _ours(comparison: Mapping[str, Any]) -> set[str]:
    """The cases named after our packages or promised something; else the first."""
    names = [figure["name"] for figure in comparison["figures"]]
    promised = {target["case"] for target in comparison["targets"]}
    return {name for name in names if name in promised or name.startswith(("aio_", "aio-"))} or {names[0]}


def _quantity(number: float, unit: str) -> str:
    return f"{_short(number * 1e3)} µs" if unit == "ms" and number < 0.1 else f"{_short(number)} {unit}"


def _short(number: float) -> str:
    """Two places after the point, or three digits, or all before the point."""
    return f"{number:.{0 if number >= 100 else 1 if number >= 10 else 2}f}"


def headline_bar(label: str, peer: str, times: float) -> Bar:
    """A row of the summary: how many times as fast as the peer ours is."""
    return Bar(label, times, f"{times:.1f}x {peer}", ours=True)


def draw(bars: Sequence[Bar], title: str, path: Path, caption: str = "", mark: float | None = None) -> list[Path]:
    """Write the bars below each other into `path` and, for dark pages, its sibling that ends with `-dark`.

    Args:
        bars: The rows; the longest bar takes all the room that there is.
        title: Above the bars.
        path: Of the SVG for light pages.
        caption: Below the bars.
        mark: A length to draw a line at.

    Returns:
        The files written.
    """
    return [_Chart(bars, title, caption, mark, theme).write(path) for theme in THEMES]


@dataclass(frozen=True)
class _Chart:
    bars: Sequence[Bar]
    title: str
    caption: str
    mark: float | None
    theme: Theme

    def write(self, path: Path) -> Path:
        path = path.with_stem(path.stem + self.theme.suffix)
        style = {
            # The same figures give the same file; text stays text.
            "svg.hashsalt": "aio-suite",
            "svg.fonttype": "none",
            "font.size": 10,
            "text.color": self.theme.text,
        }
        with importlib.import_module("matplotlib").rc_context(style):
            self._figure().savefig(path, format="svg", metadata={"Date": None, "Creator": None})
        # In the reader's own font: the one that the text was laid out with may not be there.
        path.write_text(path.read_text(encoding="utf-8").replace("'DejaVu Sans'", "system-ui"), encoding="utf-8")
        return path

    def _figure(self) -> Any:
        title = textwrap.wrap(self.title, LETTERS_IN_A_TITLE)
        above = LINE * len(title) + 2 * MARGIN
        rows = BAR * len(self.bars)
        height = above + rows + (LINE if self.caption else 0) + MARGIN
        figure_class = importlib.import_module("matplotlib.figure").Figure
        figure = figure_class(figsize=(WIDTH, height), facecolor=self.theme.background)
        x, y = MARGIN / WIDTH, 1 - MARGIN / height
        figure.text(x, y, "\n".join(title), weight="bold", va="top", linespacing=1.4)
        if self.caption:
            figure.text(x, MARGIN / height, self.caption, size=8.5, alpha=0.8, va="bottom")
        # All is placed in inches, so that the charts of a page line up whatever their height.
        axes = figure.add_axes((0, (height - above - rows) / height, 1, rows / height))
        axes.set(xlim=(0, WIDTH), ylim=(0.5 - len(self.bars), 0.5))
        axes.set_axis_off()
        self._draw_bars(axes)
        return figure

    def _draw_bars(self, axes: Any) -> None:
        inches = (WIDTH - LABELS - NOTES) / max(bar.length for bar in self.bars)
        for place, bar in enumerate(self.bars):
            length = bar.length * inches
            axes.barh(-place, length, left=LABELS, height=0.66, color=self.theme.ours if bar.ours else self.theme.other)
            weight = "bold" if bar.ours else "normal"
            axes.text(LABELS - 0.08, -place, bar.label, ha="right", va="center", weight=weight, size=9.5)
            axes.text(LABELS + length + 0.08, -place, bar.note, ha="left", va="center", size=8.5)
        if self.mark is not None:
            axes.axvline(LABELS + self.mark * inches, color=self.theme.text, linewidth=1, linestyle=":")


__all__ = ["Bar", "draw", "headline_bar", "job_bars"]
