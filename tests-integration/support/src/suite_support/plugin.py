"""The pytest plugin of every test run: all loops, and nothing that goes wrong in the background goes unseen."""

from __future__ import annotations

import asyncio
import gc
import importlib.util
import logging
import os
import signal
import sys
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings, strategies

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

# CI keeps hypothesis short and repeatable; `HYPOTHESIS_PROFILE=thorough` looks further.
settings.register_profile(
    "suite", deadline=None, max_examples=60, derandomize=True, suppress_health_check=[HealthCheck.too_slow]
)
settings.register_profile("thorough", deadline=None, max_examples=2000, suppress_health_check=[HealthCheck.too_slow])


def pytest_configure(config: pytest.Config) -> None:
    settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "suite"))
    # A shell's background job begins with SIGINT ignored, one of nohup with SIGHUP; programs under test inherit that.
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    if sys.platform != "win32" and signal.getsignal(signal.SIGHUP) is signal.SIG_IGN:
        signal.signal(signal.SIGHUP, signal.SIG_DFL)
    config.addinivalue_line(
        "markers", "asyncio_logs_errors: this test makes asyncio log errors on purpose, and looks at them itself"
    )
    config.addinivalue_line(
        "markers", "every_runtime: this async body runs on asyncio, uvloop, trio and anyio (suite_support.runtimes)"
    )


def loop_factories() -> dict[str, Callable[[], asyncio.AbstractEventLoop]]:
    """The loops that asyncio tests run on: the stock one, and uvloop's where it installs."""
    factories: dict[str, Callable[[], asyncio.AbstractEventLoop]] = {"asyncio": asyncio.new_event_loop}
    if importlib.util.find_spec("uvloop") is not None:
        import uvloop

        factories["uvloop"] = uvloop.new_event_loop
    return factories


def pytest_asyncio_loop_factories(
    config: pytest.Config, item: pytest.Item
) -> dict[str, Callable[[], asyncio.AbstractEventLoop]]:
    return loop_factories()


def pytest_collection_finish(session: pytest.Session) -> None:
    """Leave what was imported out of every later collection: the one after each test would spend its time there."""
    # The first run of hypothesis sets up its plugins, and warns if it cannot find who refers to what they register.
    given(strategies.none())(lambda _: None)()
    gc.collect()
    gc.freeze()


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if metafunc.definition.get_closest_marker("every_runtime") is not None:
        from suite_support import runtimes

        runtimes.parametrize(metafunc)


@pytest.hookimpl(tryfirst=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> bool | None:
    if pyfuncitem.get_closest_marker("every_runtime") is None:
        return None
    from suite_support import runtimes

    return runtimes.run_body(pyfuncitem)


class _Errors(logging.Handler):
    """Keeps what asyncio reports about failures that reached nobody."""

    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self.messages: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.messages.append(logging.Formatter().format(record))


@pytest.fixture(autouse=True)
def _no_unseen_asyncio_error(request: pytest.FixtureRequest) -> Iterator[None]:
    """Fail a test after which asyncio logs "never retrieved", "destroyed but pending" or a failed callback."""
    if request.node.get_closest_marker("asyncio_logs_errors"):
        yield
        return
    errors = _Errors()
    logger = logging.getLogger("asyncio")
    logger.addHandler(errors)
    try:
        yield
        gc.collect()
        # What is left is in use (reports, caches, modules): collections would take ever longer with it in their way.
        gc.freeze()
    finally:
        logger.removeHandler(errors)
    if errors.messages:
        pytest.fail("asyncio logged errors:\n" + "\n".join(errors.messages))
