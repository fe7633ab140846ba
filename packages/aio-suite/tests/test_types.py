"""What type checkers infer through the suite is what they infer through the piece: mypy judges this file."""

from typing import assert_type

import aio_suite
import aio_suite.sched
from aio_suite import AsyncValue, Group, Queue, queue, trio_util
from aio_suite.values import AsyncBool


def test_flat_names_have_their_types() -> None:
    assert_type(AsyncValue(1), AsyncValue[int])
    assert_type(aio_suite.AsyncValue("a").value, str)
    assert_type(aio_suite.__version__, str)
    assert_type(Group, type[Group])


def test_names_of_pieces_have_their_types() -> None:
    assert_type(aio_suite.values.AsyncValue(1), AsyncValue[int])
    assert_type(AsyncBool().value, bool)
    assert_type(queue.Queue[str](), Queue[str])
    assert_type(aio_suite.sched.InterruptError, type[aio_suite.InterruptError])
    assert_type(trio_util.AsyncValue(1.5), AsyncValue[float])
