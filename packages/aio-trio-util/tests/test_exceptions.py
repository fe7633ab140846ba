"""`defer_to_cancelled` and `multi_error_defer_to`: one exception in place of a group."""

import traceback

import pytest
import trio
import trio.testing
from aio_trio_util import defer_to_cancelled, multi_error_defer_to

pytestmark = pytest.mark.trio


class Obstacle(Exception):
    pass


class Wheel(Obstacle):
    pass


async def cancelled() -> trio.Cancelled:
    """A real Cancelled, as a scope makes it."""
    with trio.CancelScope() as scope:
        scope.cancel()
        try:
            await trio.lowlevel.checkpoint()
        except trio.Cancelled as error:
            return error
    raise AssertionError("not cancelled")


def group(*errors: BaseException) -> BaseExceptionGroup[BaseException]:
    return BaseExceptionGroup("several", errors)


async def test_cancelled_and_a_given_type_become_cancelled_at_any_depth() -> None:
    first = await cancelled()
    context = first.__context__
    with pytest.raises(trio.Cancelled) as caught, defer_to_cancelled(Obstacle):
        raise group(Wheel(), group(group(first, Obstacle())))
    assert caught.value is first
    assert first.__context__ is context


async def test_a_scope_catches_what_is_deferred(autojump_clock: trio.testing.MockClock) -> None:
    async def advance() -> None:
        try:
            await trio.sleep_forever()
        finally:
            raise Obstacle

    with trio.move_on_after(1) as scope, defer_to_cancelled(Obstacle):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(advance)
            nursery.start_soon(trio.sleep_forever)
    assert scope.cancelled_caught


async def test_all_exceptions_are_deferred_by_default_but_not_an_interrupt() -> None:
    with pytest.raises(trio.Cancelled), defer_to_cancelled():
        raise group(await cancelled(), ValueError(), OSError())
    with pytest.raises(BaseExceptionGroup), defer_to_cancelled():
        raise group(await cancelled(), KeyboardInterrupt())


@pytest.mark.parametrize("types", [(Obstacle,), (Obstacle, ValueError)])
async def test_another_type_lets_the_group_pass_unchanged(types: tuple[type[Exception], ...]) -> None:
    error = group(await cancelled(), Obstacle(), KeyError())
    error.__context__ = context = KeyError("before")
    with pytest.raises(BaseExceptionGroup) as caught, defer_to_cancelled(*types):
        raise error
    assert caught.value is error
    assert error.__context__ is context
    assert [frame.name for frame in traceback.extract_tb(error.__traceback__)] == [
        "test_another_type_lets_the_group_pass_unchanged"
    ]


async def test_a_group_without_cancelled_passes_unchanged() -> None:
    error = group(Obstacle(), Obstacle())
    with pytest.raises(BaseExceptionGroup) as caught, defer_to_cancelled(Obstacle):
        raise error
    assert caught.value is error


async def test_a_plain_exception_passes_unchanged() -> None:
    error = Obstacle()
    with pytest.raises(Obstacle) as caught, defer_to_cancelled(Obstacle):
        raise error
    assert caught.value is error


async def test_it_decorates_plain_and_async_functions() -> None:
    error = group(await cancelled(), Obstacle())

    @defer_to_cancelled(Obstacle)
    def plain(value: int) -> int:
        if value:
            return value
        raise error

    @defer_to_cancelled(Obstacle)
    async def waits(value: int) -> int:
        await trio.lowlevel.checkpoint()
        return plain(value)

    assert plain(1) == await waits(1) == 1
    with pytest.raises(trio.Cancelled):
        plain(0)
    with pytest.raises(trio.Cancelled):
        await waits(0)
    assert waits.__name__ == "waits"


@pytest.mark.parametrize(
    ("types", "errors", "winner"),
    [
        ((Wheel, Obstacle), (Obstacle("a"), Wheel("b")), Wheel),
        ((Obstacle, ValueError), (ValueError("a"), Wheel("b")), Wheel),
        ((Obstacle,), (Obstacle("a"), Obstacle("a")), Obstacle),
        ((ValueError, Obstacle), (Obstacle("a"), Obstacle("b"), ValueError("c")), ValueError),
    ],
)
async def test_the_most_privileged_type_wins(
    types: tuple[type[Exception], ...], errors: tuple[Exception, ...], winner: type[Exception]
) -> None:
    with pytest.raises(winner) as caught, multi_error_defer_to(*types):
        raise group(errors[0], group(*errors[1:]))
    assert type(caught.value) is winner


async def test_equally_privileged_candidates_let_the_group_pass_unless_not_strict() -> None:
    error = group(Obstacle("a"), Obstacle("b"))
    with pytest.raises(BaseExceptionGroup) as caught, multi_error_defer_to(Obstacle):
        raise error
    assert caught.value is error
    with pytest.raises(Obstacle, match="a"), multi_error_defer_to(Obstacle, strict=False):
        raise error


@pytest.mark.parametrize("errors", [(Obstacle("a"), Obstacle("b")), (Obstacle("a"), KeyError("b"))])
async def test_what_cannot_be_replaced_is_a_runtime_error_on_request(errors: tuple[Exception, ...]) -> None:
    error = group(*errors)
    with (
        pytest.raises(RuntimeError, match="cannot be replaced") as caught,
        multi_error_defer_to(Obstacle, propagate_multi_error=False),
    ):
        raise error
    assert caught.value.__cause__ is error


async def test_bad_types_are_refused_at_the_call() -> None:
    with pytest.raises(TypeError, match="exception types"):
        defer_to_cancelled(ValueError("an instance"))  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="inside groups"):
        defer_to_cancelled(ExceptionGroup)
    with pytest.raises(TypeError, match="at least one"):
        multi_error_defer_to()


async def test_repr_tells_the_types() -> None:
    assert repr(defer_to_cancelled(Obstacle)) == "defer_to_cancelled(Obstacle)"
    assert (
        repr(multi_error_defer_to(Wheel, Obstacle))
        == "multi_error_defer_to(Wheel, Obstacle, propagate_multi_error=True, strict=True)"
    )
