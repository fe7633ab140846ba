"""`GeneratorObjectIterator` beside a native asynchronous generator: one table of scenarios, the same outcomes.

The bodies are written once, with `yield`. For ours, each `yield x` of the source becomes `await _object.ayield(x)`.
"""

from __future__ import annotations

import ast
import asyncio
import contextlib
import gc
import inspect
import sys
import textwrap
import warnings
import weakref
from collections.abc import AsyncGenerator, Awaitable, Callable
from functools import partial
from typing import Any

import hypothesis
import hypothesis.strategies as st
import pytest
import trio
import trio.testing
from aio_coro import GeneratorObject

Agen = Any
Outcome = tuple[Any, ...]
Make = Callable[..., Agen]


class _YieldsByCall(ast.NodeTransformer):
    def visit_Yield(self, node: ast.Yield) -> ast.AST:
        value = self.visit(node.value) if node.value is not None else ast.Constant(None)
        method = ast.Attribute(ast.Name("_object", ast.Load()), "ayield", ast.Load())
        return ast.copy_location(ast.Await(ast.Call(method, [value], [])), node)


def ours(body: Callable[..., AsyncGenerator[Any, Any]]) -> Make:
    """The body with `yield` replaced, as a function that returns a GeneratorObject's iterator."""
    tree = ast.parse(textwrap.dedent(inspect.getsource(body)))
    tree = ast.fix_missing_locations(_YieldsByCall().visit(tree))

    def make(*args: Any) -> Agen:
        generator_object: GeneratorObject[Any, Any] = GeneratorObject()
        namespace = {**body.__globals__, "_object": generator_object}
        exec(compile(tree, f"<{body.__name__} with ayield>", "exec"), namespace)
        return generator_object(namespace[body.__name__](*args))

    return make


def native(body: Callable[..., AsyncGenerator[Any, Any]]) -> Make:
    return body


class Blocks:
    """Awaiting it yields once, and returns what is sent."""

    def __await__(self) -> Any:
        return (yield "blocked")


def raised(error: BaseException | None) -> Outcome:
    assert error is not None
    cause, context = error.__cause__, error.__context__
    return ("raised", type(error).__name__, str(error), type(cause).__name__, type(context).__name__)


def step(awaitable: Any, *sent: Any) -> Outcome:
    """Drive an awaitable by hand: what it yields to the loop, returns or raises, in order."""
    iterator = awaitable.__await__()
    seen: list[Any] = []
    try:
        seen.append(iterator.send(None))
        seen.extend(
            iterator.throw(value) if isinstance(value, BaseException) else iterator.send(value) for value in sent
        )
    except StopIteration as stop:
        return (*seen, ("returned", stop.value))
    except BaseException as error:
        return (*seen, raised(error))
    return (*seen, ("suspended",))


# --- the bodies ---------------------------------------------------------------------------------------------------


async def counts() -> AsyncGenerator[Any, Any]:
    yield 1
    yield 2


async def echoes(log: list[Any]) -> AsyncGenerator[Any, Any]:
    received = None
    while True:
        try:
            received = yield ("got", received)
        except ValueError as error:
            received = repr(error)
        except GeneratorExit:
            log.append("exit")
            raise


async def blocks() -> AsyncGenerator[Any, Any]:
    sent = await Blocks()
    yield ("sent", sent)
    await Blocks()
    yield 2


async def empty() -> AsyncGenerator[Any, Any]:
    if False:
        yield


async def cleans_up(log: list[Any]) -> AsyncGenerator[Any, Any]:
    try:
        yield 1
    finally:
        log.append("cleaning")
        log.append(await Blocks())
        log.append("clean")


async def ignores_exit() -> AsyncGenerator[Any, Any]:
    try:
        yield 1
    except GeneratorExit:
        yield 2
    yield 3


async def swallows_exit() -> AsyncGenerator[Any, Any]:
    with contextlib.suppress(GeneratorExit):
        yield 1


async def raises(error: BaseException) -> AsyncGenerator[Any, Any]:
    yield 1
    raise error


async def raises_first(error: BaseException) -> AsyncGenerator[Any, Any]:
    raise error
    yield


async def inner_stop() -> None:
    raise StopIteration("inner")


async def raises_inside() -> AsyncGenerator[Any, Any]:
    yield 1
    await inner_stop()


async def replaces_exit() -> AsyncGenerator[Any, Any]:
    try:
        yield 1
    finally:
        raise KeyError("instead of exit")


async def catches_all(log: list[Any]) -> AsyncGenerator[Any, Any]:
    while True:
        try:
            yield 1
        except BaseException as error:
            log.append(raised(error))
            if isinstance(error, GeneratorExit):
                raise


async def handles_then_raises() -> AsyncGenerator[Any, Any]:
    with contextlib.suppress(ValueError):
        await Blocks()
    yield 1
    raise KeyError("unrelated")


async def works(log: list[Any]) -> AsyncGenerator[Any, Any]:
    try:
        while True:
            await asyncio.sleep(0)
            yield len(log)
    finally:
        await asyncio.sleep(0)
        log.append("closed")


async def sleeps(log: list[Any]) -> AsyncGenerator[Any, Any]:
    try:
        yield 1
        await asyncio.sleep(3600)
        yield 2
    except asyncio.CancelledError as error:
        log.append(("cancelled", str(error)))
        raise
    finally:
        log.append("closed")


# --- scenarios: each takes the maker and returns everything that can be seen ---------------------------------------


def iterate(make: Any) -> Any:
    agen = make(counts)()
    return [step(agen.__anext__()) for _ in range(4)], agen.ag_running, agen.ag_frame


def sends(make: Any) -> Any:
    agen = make(echoes)([])
    return [step(agen.asend(value)) for value in (None, "a", None, "b")]


def sends_to_a_new_one(make: Any) -> Any:
    agen = make(counts)()
    return step(agen.asend(5)), step(agen.__anext__()), step(agen.aclose())


def throws(make: Any) -> Any:
    log: list[Any] = []
    agen = make(echoes)(log)
    outcomes = [step(agen.__anext__()), step(agen.athrow(ValueError("x"))), step(agen.athrow(ValueError))]
    outcomes += [step(agen.athrow(KeyError("out"))), step(agen.__anext__()), step(agen.athrow(KeyError("again")))]
    return outcomes, log


def throws_into_a_new_one(make: Any) -> Any:
    agen = make(counts)()
    return step(agen.athrow(KeyError("early"))), step(agen.__anext__()), step(agen.aclose())


def throws_exit(make: Any) -> Any:
    log: list[Any] = []
    agen = make(echoes)(log)
    return step(agen.__anext__()), step(agen.athrow(GeneratorExit())), step(agen.__anext__()), log


def throws_exit_class_with_clean_up(make: Any) -> Any:
    log: list[Any] = []
    agen = make(cleans_up)(log)
    return step(agen.__anext__()), step(agen.athrow(GeneratorExit), "resumed"), step(agen.__anext__()), log


def throws_what_is_no_exception(make: Any) -> Any:
    agen = make(counts)()
    return step(agen.__anext__()), step(agen.athrow(5)), step(agen.__anext__())


def throws_three_arguments(make: Any) -> Any:
    agen = make(echoes)([])
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        first = step(agen.__anext__())
        outcomes = [
            step(agen.athrow(ValueError, "text")),
            step(agen.athrow(ValueError, ("a", "b"))),
            step(agen.athrow(ValueError, ValueError("instance"))),
            step(agen.athrow(ValueError, None, None)),
        ]
    return first, outcomes, [(warning.category, str(warning.message)) for warning in caught]


def throws_stop_iterations(make: Any) -> Any:
    outcomes = []
    for error in (StopIteration("s"), StopAsyncIteration("a")):
        agen = make(counts)()
        outcomes.append((step(agen.__anext__()), step(agen.athrow(error)), step(agen.__anext__())))
    return outcomes


def throws_stop_iterations_into_a_new_one(make: Any) -> Any:
    outcomes = []
    for error in (StopIteration("s"), StopIteration, StopAsyncIteration("a"), StopAsyncIteration):
        agen = make(counts)()
        outcomes.append((step(agen.athrow(error)), agen.ag_frame, step(agen.__anext__()), step(agen.aclose())))
    return outcomes


def closes(make: Any) -> Any:
    log: list[Any] = []
    agen = make(cleans_up)(log)
    first = step(agen.__anext__())
    closing = step(agen.aclose(), "resumed")
    return first, closing, log, step(agen.aclose()), step(agen.__anext__()), step(agen.asend(1)), agen.ag_frame


def closes_a_new_one(make: Any) -> Any:
    agen = make(counts)()
    return step(agen.aclose()), step(agen.__anext__()), step(agen.aclose()), step(agen.athrow(KeyError()))


def closes_an_exhausted_one(make: Any) -> Any:
    agen = make(counts)()
    outcomes = [step(agen.__anext__()) for _ in range(3)]
    return outcomes, step(agen.aclose()), step(agen.athrow(KeyError("late"))), step(agen.asend(3))


def ignores_the_exit(make: Any) -> Any:
    agen = make(ignores_exit)()
    return step(agen.__anext__()), step(agen.aclose())


def swallows_the_exit(make: Any) -> Any:
    agen = make(swallows_exit)()
    return step(agen.__anext__()), step(agen.aclose()), step(agen.__anext__())


def clean_up_raises(make: Any) -> Any:
    agen = make(replaces_exit)()
    return step(agen.__anext__()), step(agen.aclose()), step(agen.aclose()), step(agen.__anext__())


def errors_of_the_body(make: Any) -> Any:
    outcomes: list[Any] = []
    for error in (KeyError("k"), StopIteration("s"), StopAsyncIteration("a"), GeneratorExit("g"), KeyboardInterrupt()):
        agen = make(raises)(error)
        outcomes.append((step(agen.__anext__()), step(agen.__anext__()), step(agen.__anext__()), step(agen.aclose())))
        agen = make(raises_first)(error)
        outcomes.append((step(agen.__anext__()), step(agen.__anext__()), step(agen.aclose())))
    return outcomes


def errors_while_closing(make: Any) -> Any:
    outcomes = []
    for error in (StopIteration("s"), StopAsyncIteration("a")):
        agen = make(closing_raises)(error)
        outcomes.append((step(agen.__anext__()), step(agen.aclose()), step(agen.__anext__())))
    return outcomes


async def closing_raises(error: BaseException) -> AsyncGenerator[Any, Any]:
    try:
        yield 1
    finally:
        raise error


def stop_iteration_of_what_is_awaited(make: Any) -> Any:
    agen = make(raises_inside)()
    return step(agen.__anext__()), step(agen.__anext__()), step(agen.__anext__())


def waits(make: Any) -> Any:
    agen = make(blocks)()
    return step(agen.__anext__(), "answer"), step(agen.__anext__(), "other"), step(agen.__anext__())


def throws_while_it_waits(make: Any) -> Any:
    agen = make(blocks)()
    return step(agen.__anext__(), KeyError("thrown")), step(agen.__anext__())


def handled_exceptions_do_not_stay(make: Any) -> Any:
    agen = make(handles_then_raises)()
    return step(agen.__anext__(), ValueError("handled")), step(agen.__anext__())


def runs_while_running(make: Any) -> Any:
    agen = make(blocks)()
    running = [agen.ag_running]
    first = agen.__anext__()
    iterator = first.__await__()
    running.append(agen.ag_running)
    seen = iterator.send(None)
    running.append(agen.ag_running)
    others = [
        step(agen.__anext__()),
        step(agen.asend(None)),
        step(agen.asend("value")),
        step(agen.athrow(KeyError("x"))),
        step(agen.aclose()),
    ]
    running.append(agen.ag_running)
    with pytest.raises(StopIteration) as stop:
        iterator.send("go on")
    running.append(agen.ag_running)
    return seen, others, stop.value.value, running, step(agen.__anext__(), None)


def leaves_a_call_that_waits(make: Any) -> Any:
    log: list[Any] = []
    agen = make(waits_in_try)(log)
    call = agen.__anext__()
    call.__await__().send(None)
    call.close()
    return log, agen.ag_running, step(agen.__anext__()), log


async def waits_in_try(log: list[Any]) -> AsyncGenerator[Any, Any]:
    try:
        await Blocks()
        yield 1
    finally:
        log.append(raised(sys.exc_info()[1]))


def forgets_a_call(make: Any) -> Any:
    agen = make(counts)()
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        agen.__anext__()
        gc.collect()
    return [warning.category for warning in caught], step(agen.__anext__())


def awaits_one_call_twice(make: Any) -> Any:
    agen = make(counts)()
    call = agen.__anext__()
    first = step(call)
    with pytest.raises(RuntimeError, match="cannot reuse already awaited"):
        call.__await__().send(None)
    return first, step(agen.__anext__())


def state_attributes(make: Any) -> Any:
    agen = make(blocks)()
    seen: list[tuple[object, ...]] = []

    def look() -> None:
        seen.append((agen.ag_running, agen.ag_frame is not None, agen.ag_await is not None, agen.ag_code.co_name))
        if sys.version_info >= (3, 12):
            seen.append((agen.ag_suspended, inspect.getasyncgenstate(agen)))

    look()
    iterator = agen.__anext__().__await__()
    look()
    iterator.send(None)
    look()
    with pytest.raises(StopIteration):
        iterator.send(None)
    look()
    step(agen.__anext__(), None)
    step(agen.__anext__())
    look()
    return seen, agen.__name__, agen.__qualname__, isinstance(agen, AsyncGenerator), inspect.isawaitable(agen)


def is_its_own_iterator(make: Any) -> Any:
    agen = make(counts)()
    same = aiter(agen) is agen
    return same, step(anext(agen)), step(anext(agen, "default")), step(anext(agen, "default"))


def calls_are_awaitable(make: Any) -> Any:
    agen = make(counts)()
    calls = [agen.__anext__(), agen.asend(None), agen.athrow(KeyError()), agen.aclose()]
    kinds = [(inspect.isawaitable(call), isinstance(call, Awaitable), hasattr(call, "send")) for call in calls]
    for call in calls:
        call.close()
    return kinds


def hooks(make: Any) -> Any:
    """When they are called, and with what."""
    seen: list[Any] = []
    old = sys.get_asyncgen_hooks()
    sys.set_asyncgen_hooks(firstiter=lambda agen: seen.append("first"), finalizer=lambda agen: seen.append("final"))
    try:
        for method, args in (("__anext__", ()), ("asend", (None,)), ("athrow", (KeyError("x"),)), ("aclose", ())):
            agen = make(counts)()
            seen.append(method)
            call = getattr(agen, method)(*args)
            seen.append("called")
            seen.append(step(call))
            seen.append(step(agen.__anext__()))
            del agen, call
            gc.collect()
        dropped_new = make(counts)()
        seen.append("dropped new")
        del dropped_new
        exhausted = make(counts)()
        [step(exhausted.__anext__()) for _ in range(3)]
        seen.append("dropped exhausted")
        del exhausted
        gc.collect()
    finally:
        sys.set_asyncgen_hooks(*old)
    return seen


def hook_that_raises(make: Any) -> Any:
    def refuse(agen: object) -> None:
        raise LookupError("refused")

    old = sys.get_asyncgen_hooks()
    sys.set_asyncgen_hooks(firstiter=refuse)
    agen = make(counts)()
    try:
        with pytest.raises(LookupError):
            agen.__anext__()
    finally:
        sys.set_asyncgen_hooks(*old)
    return step(agen.__anext__())


def the_finalizer_is_the_one_of_the_first_step(make: Any) -> Any:
    seen: list[Any] = []
    old = sys.get_asyncgen_hooks()
    sys.set_asyncgen_hooks(finalizer=lambda agen: seen.append(("first hook", step(agen.aclose()))))
    try:
        agen = make(swallows_exit)()
        step(agen.__anext__())
        sys.set_asyncgen_hooks(finalizer=lambda agen: seen.append("second hook"))
        del agen
        gc.collect()
    finally:
        sys.set_asyncgen_hooks(*old)
    return seen


def dropped_without_hooks(make: Any) -> Any:
    log: list[Any] = []
    agen = make(catches_all)(log)
    reference = weakref.ref(agen)
    first = step(agen.__anext__())
    del agen
    return first, log, reference() is None


def dropped_new(make: Any) -> Any:
    agen = make(counts)()
    reference = weakref.ref(agen)
    del agen
    return reference() is None


SCENARIOS = [
    iterate,
    sends,
    sends_to_a_new_one,
    throws,
    throws_into_a_new_one,
    throws_exit,
    throws_exit_class_with_clean_up,
    throws_what_is_no_exception,
    throws_three_arguments,
    throws_stop_iterations,
    throws_stop_iterations_into_a_new_one,
    closes,
    closes_a_new_one,
    closes_an_exhausted_one,
    ignores_the_exit,
    swallows_the_exit,
    clean_up_raises,
    errors_of_the_body,
    errors_while_closing,
    stop_iteration_of_what_is_awaited,
    waits,
    throws_while_it_waits,
    handled_exceptions_do_not_stay,
    runs_while_running,
    awaits_one_call_twice,
    state_attributes,
    is_its_own_iterator,
    calls_are_awaitable,
    hooks,
    hook_that_raises,
    the_finalizer_is_the_one_of_the_first_step,
    dropped_without_hooks,
    dropped_new,
]


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: scenario.__name__)
def test_it_behaves_as_a_native_asynchronous_generator(scenario: Callable[[Any], Any]) -> None:
    assert scenario(ours) == scenario(native)


async def follows(plan: list[Any], log: list[Any]) -> AsyncGenerator[Any, Any]:
    """Does what the plan says: a list of what to do, and what to do about an exception that this raises."""
    for what, about_errors in plan:
        try:
            if what == "yield":
                log.append((yield "value"))
            elif what == "wait":
                log.append(await Blocks())
            elif what == "return":
                return
            else:
                raise what("planned")
        except BaseException as error:
            log.append(type(error))
            if about_errors == "yield":
                log.append((yield "in a handler"))
            elif about_errors == "wait":
                log.append(await Blocks())
            elif about_errors == "wait and raise":
                await Blocks()
                raise
            elif about_errors == "raise another":
                raise LookupError("another") from None
            elif about_errors == "raise":
                raise


ERRORS: list[type[BaseException]] = [KeyError, GeneratorExit, StopAsyncIteration, asyncio.CancelledError]
PLANS = st.lists(
    st.tuples(
        st.sampled_from(["yield", "yield", "wait", "return", StopIteration, *ERRORS]),
        st.sampled_from(["raise", "swallow", "yield", "wait", "wait and raise", "raise another"]),
    ),
    max_size=5,
)
CALLS = st.tuples(st.sampled_from(["__anext__", "asend", "athrow", "aclose"]), st.sampled_from(ERRORS))
# Which of the calls that wait goes on (the last, as a rule), with an answer or an exception.
ANSWERS = st.tuples(st.sampled_from([-1, -1, -1, 0]), st.sampled_from(["answer", None, KeyError, StopAsyncIteration]))


def course(make: Any, plan: list[Any], acts: list[Any]) -> list[Any]:
    """What happens in a course of calls, each begun at once; those that wait are answered later, or never."""
    log: list[Any] = []
    agen = make(follows)(plan, log)
    waiting: list[tuple[str, Any]] = []
    seen: list[Any] = [log]
    for act, argument in acts:
        thrown = argument("thrown") if isinstance(argument, type) else None
        if isinstance(act, str):
            sent = {"__anext__": (), "aclose": (), "asend": ("sent",), "athrow": (thrown,)}[act]
            called, iterator = act, getattr(agen, act)(*sent).__await__()
            resume = partial(iterator.send, None)
        elif waiting:
            called, iterator = waiting.pop(act)
            resume = partial(iterator.send, argument) if thrown is None else partial(iterator.throw, thrown)
        else:
            continue
        try:
            seen.append(resume())
            waiting.append((called, iterator))
        except StopIteration as stop:
            seen.append(("returned", stop.value))
        except BaseException as error:
            seen.append(raised(error))
        seen.append((agen.ag_running, agen.ag_frame is None))
        if "ignored" in str(seen[-2]):
            break  # natively it can never be closed from here on; ours can
        if sys.version_info < (3, 13) and called == "aclose" and thrown is not None and seen[-1][1]:
            break  # natively it is "running" for ever
    finish(agen, [iterator for _, iterator in waiting])
    return seen


def finish(agen: Agen, waiting: list[Any]) -> None:
    """Let it come to its end, whatever it does, so that nothing is left to be closed when it is dropped."""
    for iterator in waiting:
        with contextlib.suppress(BaseException):
            for _ in range(20):
                iterator.send(None)
    for _ in range(20):
        step(agen.__anext__(), *[None] * 20)


@hypothesis.given(plan=PLANS, acts=st.lists(st.one_of(CALLS, CALLS, ANSWERS), max_size=10))
@hypothesis.settings(max_examples=200, deadline=None)
def test_any_course_of_calls_goes_as_with_a_native_one(plan: list[Any], acts: list[Any]) -> None:
    assert course(ours, plan, acts) == course(native, plan, acts)


def test_a_call_that_is_closed_while_it_waits_closes_the_generator_as_from_3_13_on() -> None:
    # Until 3.12, a native generator is never told, and refuses all further calls as "already running".
    log, running, then, _ = leaves_a_call_that_waits(ours)
    assert log == [("raised", "GeneratorExit", "", "NoneType", "NoneType")]
    assert not running
    assert then == (("raised", "StopAsyncIteration", "", "NoneType", "NoneType"),)
    if sys.version_info >= (3, 13):
        assert leaves_a_call_that_waits(ours) == leaves_a_call_that_waits(native)


def test_a_call_that_is_forgotten_is_warned_of_as_from_3_13_on() -> None:
    assert forgets_a_call(ours) == ([RuntimeWarning], (("returned", 1),))
    if sys.version_info >= (3, 13):
        assert forgets_a_call(ours) == forgets_a_call(native)


# --- on an event loop ---------------------------------------------------------------------------------------------


async def dropped_unfinished(make: Any) -> Any:
    log: list[Any] = []
    agen = make(works)(log)
    first = await anext(agen)
    del agen
    gc.collect()
    before = list(log)
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    return first, before, log


async def left_by_break(make: Any) -> Any:
    log: list[Any] = []
    async for _ in make(works)(log):
        break
    for _ in range(4):
        await asyncio.sleep(0)
    return log


async def closed_at_shutdown(make: Any) -> Any:
    log: list[Any] = []
    agen = make(works)(log)
    await anext(agen)
    await asyncio.get_running_loop().shutdown_asyncgens()
    after = list(log)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        late = make(counts)()
        values = [value async for value in late]
    return (
        after,
        [value async for value in agen],
        values,
        [(w.category, "shutdown_asyncgens" in str(w.message)) for w in caught],
    )


async def cancelled_while_it_waits(make: Any) -> Any:
    log: list[Any] = []
    agen = make(sleeps)(log)

    async def consume() -> list[Any]:
        return [value async for value in agen]

    task = asyncio.create_task(consume())
    for _ in range(3):
        await asyncio.sleep(0)
    task.cancel("enough")
    await asyncio.wait([task])
    return task.cancelled(), log, agen.ag_running, agen.ag_frame


async def timed_out(make: Any) -> Any:
    log: list[Any] = []
    agen = make(sleeps)(log)
    await anext(agen)
    try:
        async with asyncio.timeout(0):
            await anext(agen)
    except TimeoutError:
        log.append("timeout")
    return log


async def used_by_two_tasks(make: Any) -> Any:
    agen = make(works)([])
    results = await asyncio.gather(anext(agen), anext(agen), return_exceptions=True)
    await agen.aclose()
    return [result if isinstance(result, int) else raised(result) for result in results]


async def call_as_a_task(make: Any) -> Any:
    agen = make(works)([])
    task = asyncio.create_task(agen.__anext__())
    value = await task
    await agen.aclose()
    return value


async def handed_from_task_to_task(make: Any) -> Any:
    agen = make(works)([])
    values = [await asyncio.create_task(agen.asend(None)) for _ in range(3)]
    await agen.aclose()
    return values


ON_ASYNCIO = [
    dropped_unfinished,
    left_by_break,
    closed_at_shutdown,
    cancelled_while_it_waits,
    timed_out,
    used_by_two_tasks,
    call_as_a_task,
    handed_from_task_to_task,
]


@pytest.mark.asyncio
@pytest.mark.parametrize("scenario", ON_ASYNCIO, ids=lambda scenario: scenario.__name__)
async def test_it_behaves_as_a_native_one_on_asyncio(scenario: Callable[[Any], Awaitable[Any]]) -> None:
    if scenario is closed_at_shutdown:
        # The loop of the test goes on to be used: this scenario gets loops of its own.
        outcomes = [await asyncio.to_thread(asyncio.run, scenario(kind)) for kind in (ours, native)]
    else:
        outcomes = [await scenario(kind) for kind in (ours, native)]
    assert outcomes[0] == outcomes[1]


async def dropped_on_trio(make: Any) -> Any:
    log: list[Any] = []
    agen = make(on_trio)(log)
    first = await anext(agen)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        del agen
        gc.collect()
        await trio.testing.wait_all_tasks_blocked()
    return first, log, [(warning.category, "garbage collected" in str(warning.message)) for warning in caught]


async def left_over_on_trio(make: Any) -> Any:
    log: list[Any] = []
    agen = make(on_trio)(log)
    await anext(agen)
    kept.append(agen)
    return log


async def on_trio(log: list[Any]) -> AsyncGenerator[Any, Any]:
    try:
        await trio.lowlevel.checkpoint()
        yield 1
    finally:
        log.append("closed")


kept: list[Any] = []


@pytest.mark.parametrize("scenario", [dropped_on_trio, left_over_on_trio], ids=lambda scenario: scenario.__name__)
def test_it_behaves_as_a_native_one_on_trio(scenario: Callable[[Any], Awaitable[Any]]) -> None:
    outcomes = [trio.run(scenario, kind) for kind in (ours, native)]
    kept.clear()
    assert outcomes[0] == outcomes[1]
