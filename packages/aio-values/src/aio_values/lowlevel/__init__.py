"""The one seam between asyncio and trio: what a primitive needs to block, on whichever runtime runs it.

Everything in aio-values and aio-events that blocks goes through this module, so that one class serves asyncio, uvloop,
trio and both of anyio's back ends. It never imports trio: it asks trio, where the program has imported it already.
Use it to build primitives of your own that serve both worlds.

Which runtime:

* `current_runtime()`, `current_time()`

Passing time and taking turns:

* `sleep(seconds)`, `sleep_until(deadline)`
* `checkpoint()`: what a call that need not block does; `yield_now()`: let the others run

Parking a task and waking it:

* `create_waiter()`: a future of the running runtime: one task awaits it, whoever holds it wakes it
* `Seat`: for a party that waits again and again
* `wait_until(waiter, deadline)`: await it until a time at most
* `WaitQueue`: tasks parked first come, first served, with exact cancellation

A lock with waiters:

* `create_condition()`: a condition of the running runtime; `Condition`: what those of all runtimes have in common

Time limits:

* `move_on_after(seconds)`, `move_on_at(deadline)`: scopes that swallow their own expiry
* `timeout_error(message)`: the exception that the running runtime's users expect

Running side by side:

* `run_together(*functions)`, `run_for_each(function, arguments)`
* `raise_failures(message, failures)`: one as itself, several as a group, a cancellation not beside errors

After an object that was dropped:

* `start_detached(home, function)`: clean-up that needs to await

Across threads:

* `current_home()`, `is_over(home)`, `post(home, function, *args)`: where tasks live, and how to reach them
"""

from aio_values.lowlevel._condition import Condition, create_condition
from aio_values.lowlevel._detached import start_detached
from aio_values.lowlevel._home import Home, current_home, is_over, post
from aio_values.lowlevel._runtime import (
    checkpoint,
    current_runtime,
    current_time,
    sleep,
    yield_now,
)
from aio_values.lowlevel._seat import Seat
from aio_values.lowlevel._time_limit import TimeLimit, move_on_after, move_on_at, timeout_error
from aio_values.lowlevel._together import raise_failures, run_for_each, run_together
from aio_values.lowlevel._wait_queue import WaitQueue
from aio_values.lowlevel._waiter import EXPIRED, Expired, Waiter, create_waiter, sleep_until, wait_until

__all__ = [
    "EXPIRED",
    "Condition",
    "Expired",
    "Home",
    "Seat",
    "TimeLimit",
    "WaitQueue",
    "Waiter",
    "checkpoint",
    "create_condition",
    "create_waiter",
    "current_home",
    "current_runtime",
    "current_time",
    "is_over",
    "move_on_after",
    "move_on_at",
    "post",
    "raise_failures",
    "run_for_each",
    "run_together",
    "sleep",
    "sleep_until",
    "start_detached",
    "timeout_error",
    "wait_until",
    "yield_now",
]
