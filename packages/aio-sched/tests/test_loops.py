"""The loop classes, their factories and policies."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import warnings
from typing import Any

import aio_sched
import pytest
from aio_sched import (
    AbstractSchedulingLoop,
    PriorityEventLoopPolicy,
    PrioritySelectorEventLoop,
    SchedulingEventLoopPolicy,
    SchedulingSelectorEventLoop,
    event_loop_policy,
    priority_loop_factory,
    scheduling_loop_factory,
)


@pytest.mark.parametrize(
    ("factory", "kind"),
    [(scheduling_loop_factory, SchedulingSelectorEventLoop), (priority_loop_factory, PrioritySelectorEventLoop)],
)
@pytest.mark.skipif(sys.platform == "win32", reason="the default is the proactor's there")
def test_a_factory_makes_its_loop(factory: Any, kind: type) -> None:
    async def main() -> asyncio.AbstractEventLoop:
        return asyncio.get_running_loop()

    with asyncio.Runner(loop_factory=factory) as runner:
        loop = runner.run(main())
    assert type(loop) is kind
    assert isinstance(loop, AbstractSchedulingLoop)
    assert isinstance(loop, asyncio.SelectorEventLoop)


@pytest.mark.parametrize(
    ("policy", "kind"),
    [(SchedulingEventLoopPolicy, SchedulingSelectorEventLoop), (PriorityEventLoopPolicy, PrioritySelectorEventLoop)],
)
@pytest.mark.skipif(sys.platform == "win32", reason="the default is the proactor's there")
def test_a_policy_is_set_for_the_block_alone(policy: Any, kind: type) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        before = asyncio.get_event_loop_policy()
        with event_loop_policy(policy()) as given:
            assert asyncio.get_event_loop_policy() is given
            loop = asyncio.new_event_loop()
            loop.close()
        assert asyncio.get_event_loop_policy() is before
    assert type(loop) is kind


def test_the_default_policy_is_the_one_of_scheduling_loops() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        with event_loop_policy() as policy:
            assert type(policy) is SchedulingEventLoopPolicy


@pytest.mark.skipif(sys.version_info < (3, 14), reason="asyncio warns from 3.14 on")
def test_a_policy_warns_as_asyncio_does() -> None:
    with pytest.warns(DeprecationWarning, match="loop factory"):
        PriorityEventLoopPolicy()


def test_importing_the_package_touches_no_policy_and_warns_of_nothing() -> None:
    code = "import asyncio, aio_sched; assert asyncio.events._event_loop_policy is None"
    subprocess.run([sys.executable, "-W", "error", "-c", code], check=True)


@pytest.mark.skipif(sys.platform == "win32", reason="they are there on Windows")
def test_proactor_loops_are_absent_elsewhere() -> None:
    assert not hasattr(aio_sched, "PriorityProactorEventLoop")
    assert not hasattr(aio_sched, "SchedulingProactorEventLoop")
