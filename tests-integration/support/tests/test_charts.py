"""Charts show every case, to scale, once for light and once for dark pages."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from suite_support.charts import Bar, draw, headline_bar, job_bars

if TYPE_CHECKING:
    from pathlib import Path

COMPARISON = {
    "unit": "ms",
    "statistic": "minimum",
    "targets": [],
    "figures": [
        {"name": "ours", "minimum": 0.002, "median": 0.004},
        {"name": "theirs", "minimum": 0.005, "median": 0.012},
        {"name": "slowest", "minimum": 1.5, "median": 2.0},
    ],
}


def test_a_job_has_a_bar_for_each_case_and_the_first_is_ours() -> None:
    assert job_bars(COMPARISON) == [
        Bar("ours", 2.0, "2.00 ms · 1.00x", ours=True),
        Bar("theirs", 5.0, "5.00 ms · 2.50x", ours=False),
        Bar("slowest", 1500.0, "1500 ms · 750x", ours=False),
    ]


def test_a_chart_shows_medians_where_the_job_says_so() -> None:
    notes = [bar.note for bar in job_bars(COMPARISON | {"statistic": "median"})]
    assert notes == ["4.00 ms · 1.00x", "12.0 ms · 3.00x", "2000 ms · 500x"]


def test_ours_are_the_cases_of_our_packages_and_of_targets_and_else_the_first() -> None:
    def ours(*names: str, promised: tuple[str, ...] = ()) -> list[str]:
        figures = [{"name": name, "minimum": 1.0} for name in names]
        comparison = {"unit": "ms", "statistic": "minimum", "figures": figures}
        return [
            bar.label for bar in job_bars(comparison | {"targets": [{"case": case} for case in promised]}) if bar.ours
        ]

    assert ours("bare future", "aio-values", "aiologic") == ["aio-values"]
    assert ours("aio_queue.Queue", "asyncio.Queue", "aio_queue.Queue, uvloop") == [
        "aio_queue.Queue",
        "aio_queue.Queue, uvloop",
    ]
    assert ours("bare trio", "TaskStats", promised=("TaskStats",)) == ["TaskStats"]
    assert ours("put_many", "put") == ["put_many"]


def test_less_than_a_tenth_of_a_millisecond_is_told_in_microseconds() -> None:
    figures = [{"name": "ours", "minimum": 0.0000134}]
    [bar] = job_bars({"unit": "ms", "statistic": "minimum", "figures": figures, "targets": []})
    assert bar.note == "13.4 µs · 1.00x"


def test_a_headline_tells_how_many_times_as_fast() -> None:
    assert headline_bar("stream", "asyncio.Queue", 2.04) == Bar("stream", 2.04, "2.0x asyncio.Queue", ours=True)


def test_a_chart_is_written_for_light_and_for_dark_pages_and_always_the_same(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib", reason="only the bench environment draws")
    light, dark = draw(job_bars(COMPARISON), "stream of items", tmp_path / "stream.svg", "shorter is better")
    assert (light.name, dark.name) == ("stream.svg", "stream-dark.svg")
    for path in (light, dark):
        text = path.read_text()
        for word in ("stream of items", "ours", "theirs", "2.50x", "shorter is better"):
            assert f">{word}" in text or f"{word}<" in text
    assert "#ffffff" in light.read_text()
    assert "#ffffff" not in dark.read_text()
    first = light.read_bytes()
    draw(job_bars(COMPARISON), "stream of items", light, "shorter is better")
    assert light.read_bytes() == first
