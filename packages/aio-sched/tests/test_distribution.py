"""The installed distribution is what its metadata says."""

import sys
from importlib.metadata import metadata, version
from importlib.resources import files

import aio_sched


def test_version_is_the_one_of_the_installed_distribution() -> None:
    assert aio_sched.__version__ == version("aio-sched")


def test_every_public_name_exists() -> None:
    missing = [name for name in aio_sched.__all__ if not hasattr(aio_sched, name)]
    assert missing == []


def test_the_public_names_are_the_promised_ones() -> None:
    promised = [
        "AbstractSchedulingLoop",
        "SchedulingMixin",
        "SchedulingSelectorEventLoop",
        "SchedulingEventLoopPolicy",
        "event_loop_policy",
        "scheduling_loop_factory",
        "get_scheduling_loop",
        "call_pos",
        "sleep_insert",
        "task_reinsert",
        "task_switch",
        "task_is_blocked",
        "task_is_runnable",
        "create_task_descend",
        "create_task_start",
        "runnable_tasks",
        "blocked_tasks",
        "Priority",
        "PriorityTask",
        "PriorityLock",
        "PriorityCondition",
        "PrioritySemaphore",
        "PrioritySchedulingMixin",
        "PrioritySelectorEventLoop",
        "DefaultPriorityEventLoop",
        "PriorityEventLoopPolicy",
        "priority_loop_factory",
        "task_throw",
        "task_interrupt",
        "task_timeout",
        "InterruptException",
        "InterruptError",
        "TimeoutInterrupt",
        "InterruptCondition",
        "create_pytask",
    ]
    if sys.platform == "win32":
        promised += ["SchedulingProactorEventLoop", "PriorityProactorEventLoop"]
    assert sorted(aio_sched.__all__) == sorted([*promised, "__version__"])


def test_type_information_is_shipped() -> None:
    assert files("aio_sched").joinpath("py.typed").is_file()


def test_metadata_names_the_supported_pythons() -> None:
    assert metadata("aio-sched")["Requires-Python"] == ">=3.11"
