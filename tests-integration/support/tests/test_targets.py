"""A target that the figures miss by more than their noise counts as missed; everything else is told apart from that."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Any

import pytest
from suite_support.targets import LEAST_NOISE, Outcome, Target, judge, noise_of_ratios

AT_MOST = Target("stream", "ours", "theirs", "half the time", at_most=0.5)
AT_LEAST = Target("stream", "ours", "theirs", "twice as fast", at_least=2)
STEADY = [1.0, 1.001, 0.999, 1.0, 1.002]


def comparison(ours: list[float], theirs: list[float], absent: dict[str, str] | None = None) -> dict[str, Any]:
    figures = [{"name": "ours", "seconds": ours}, {"name": "theirs", "seconds": theirs}]
    return {
        "figures": [figure for figure in figures if figure["seconds"]],
        "absent": absent or {},
        "statistic": "minimum",
    }


def times(factor: float, seconds: list[float]) -> list[float]:
    return [factor * second for second in seconds]


@pytest.mark.parametrize("target", [AT_MOST, AT_LEAST])
def test_a_target_that_is_missed_clearly_is_missed(target: Target) -> None:
    verdict = judge(target, comparison(times(0.6, STEADY), STEADY))
    assert verdict.outcome is Outcome.MISSED
    assert verdict.ratio == pytest.approx(0.6)
    assert "MISSED" in str(verdict)


@pytest.mark.parametrize("target", [AT_MOST, AT_LEAST])
def test_a_target_that_is_reached_is_met(target: Target) -> None:
    assert judge(target, comparison(times(0.4, STEADY), STEADY)).outcome is Outcome.MET
    assert judge(target, comparison(times(0.5, STEADY), STEADY)).outcome is Outcome.MET


def test_steady_figures_may_miss_by_the_least_noise_only() -> None:
    close = judge(AT_MOST, comparison(times(0.5 * (1 + LEAST_NOISE / 2), STEADY), STEADY))
    assert close.outcome is Outcome.WITHIN_NOISE
    assert close.noise == LEAST_NOISE
    beyond = judge(AT_MOST, comparison(times(0.5 * (1 + LEAST_NOISE * 2), STEADY), STEADY))
    assert beyond.outcome is Outcome.MISSED


def test_what_varies_much_is_missed_only_beyond_its_variation() -> None:
    wavering = [0.53, 0.60, 0.70, 0.55, 0.65]
    verdict = judge(AT_MOST, comparison(wavering, [1.0] * 5))
    assert verdict.outcome is Outcome.WITHIN_NOISE
    assert judge(AT_MOST, comparison(times(2, wavering), [1.0] * 5)).outcome is Outcome.MISSED


def test_one_interrupted_turn_changes_neither_ratio_nor_noise() -> None:
    disturbed = [0.6, 0.6, 0.6, 0.6, 9.0]
    assert noise_of_ratios(disturbed, [1.0] * 5) == LEAST_NOISE
    assert judge(AT_MOST, comparison(disturbed, [1.0] * 5)).ratio == 0.6


def test_medians_are_judged_where_the_job_says_so() -> None:
    figures = comparison([0.4, 0.6, 0.6], [1.0, 1.0, 1.0])
    assert judge(AT_MOST, figures).outcome is Outcome.MET
    assert judge(AT_MOST, figures | {"statistic": "median"}).outcome is Outcome.MISSED


def test_more_repeats_leave_less_to_noise() -> None:
    wavering = [0.53, 0.60, 0.70, 0.55, 0.65]
    few = noise_of_ratios(wavering, [1.0] * 5)
    many = noise_of_ratios(wavering * 16, [1.0] * 80)
    assert many == pytest.approx(few / 4)


def test_a_peer_that_cannot_run_is_reported_with_the_reason() -> None:
    verdict = judge(AT_MOST, comparison(STEADY, [], {"theirs": "no wheel for this Python"}))
    assert verdict.outcome is Outcome.NOT_RUN
    assert "no wheel for this Python" in str(verdict)


def test_our_own_case_must_have_run() -> None:
    with pytest.raises(ValueError, match="no figures of 'ours': it fails"):
        judge(AT_MOST, comparison([], STEADY, {"ours": "it fails: OSError()"}))
    with pytest.raises(ValueError, match="no figures of 'ours': there are theirs"):
        judge(AT_MOST, comparison([], STEADY))


def test_a_misspelt_peer_is_an_error_and_no_peer_that_cannot_run() -> None:
    with pytest.raises(ValueError, match="no case 'theirs'; there are ours"):
        judge(AT_MOST, comparison(STEADY, []))


def test_a_verdict_speaks_of_time_or_of_speed_as_its_target_does() -> None:
    figures = comparison(times(0.4, STEADY), STEADY)
    assert "asked at most 0.50x, measured 0.40x" in str(judge(AT_MOST, figures))
    assert "asked at least 2.00x, measured 2.50x" in str(judge(AT_LEAST, figures))


def test_a_target_has_exactly_one_limit() -> None:
    for at_most, at_least in ((None, None), (1.0, 1.0), (0.0, None), (None, float("nan"))):
        with pytest.raises(ValueError, match="'speed': give one of at_most and at_least"):
            Target("stream", "ours", "theirs", "speed", at_most=at_most, at_least=at_least)


def test_a_target_is_for_a_range_of_pythons() -> None:
    target = Target("stream", "ours", "theirs", "speed", at_most=1, since=(3, 12), before=(3, 14))
    assert [minor for minor in range(11, 16) if target.applies((3, minor))] == [12, 13]


def test_a_target_comes_back_from_json_as_it_was() -> None:
    for target in (AT_MOST, Target("a", "b", "c", "d", at_least=2, since=(3, 12), before=(3, 14), headline="e")):
        assert Target.from_json(json.loads(json.dumps(asdict(target)))) == target
