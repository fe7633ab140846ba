"""Scheduling loops and functions, task priorities, interrupts and timeouts for asyncio."""

import sys

from aio_sched._interrupt import task_interrupt, task_throw
from aio_sched._interrupt_condition import InterruptCondition
from aio_sched._interrupt_errors import InterruptError, InterruptException, TimeoutInterrupt
from aio_sched._loops import (
    DefaultPriorityEventLoop,
    PrioritySelectorEventLoop,
    SchedulingSelectorEventLoop,
    priority_loop_factory,
    scheduling_loop_factory,
)
from aio_sched._policies import PriorityEventLoopPolicy, SchedulingEventLoopPolicy, event_loop_policy
from aio_sched._priority_condition import PriorityCondition
from aio_sched._priority_lock import PriorityLock
from aio_sched._priority_loop import PrioritySchedulingMixin
from aio_sched._priority_semaphore import PrioritySemaphore
from aio_sched._priority_task import Priority, PriorityTask
from aio_sched._pytask import create_pytask
from aio_sched._ready_queue import AbstractSchedulingLoop, get_scheduling_loop
from aio_sched._scheduling import SchedulingMixin
from aio_sched._switch import (
    call_pos,
    create_task_descend,
    create_task_start,
    sleep_insert,
    task_reinsert,
    task_switch,
)
from aio_sched._task_state import blocked_tasks, runnable_tasks, task_is_blocked, task_is_runnable
from aio_sched._task_timeout import task_timeout
from aio_sched._version import __version__

__all__ = [  # noqa: RUF022  # in the order of the README's table
    # Loops and functions
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
    # Priority
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
    # Interrupts
    "task_throw",
    "task_interrupt",
    "task_timeout",
    "InterruptException",
    "InterruptError",
    "TimeoutInterrupt",
    "InterruptCondition",
    "create_pytask",
    "__version__",
]

if sys.platform == "win32":
    from aio_sched._loops import PriorityProactorEventLoop, SchedulingProactorEventLoop

    __all__ += ["PriorityProactorEventLoop", "SchedulingProactorEventLoop"]
