"""Say clearly what is wrong with an argument that should be an async function."""

from __future__ import annotations

from inspect import iscoroutine


def refuse_other_than_functions(caller: str, *fns: object) -> None:
    """Raise TypeError unless all can be called.

    A coroutine is what a caller gets who calls the function too early. It is closed: nobody will await it any more.
    """
    wrong = [fn for fn in fns if not callable(fn)]
    for fn in wrong:
        if iscoroutine(fn):
            fn.close()
    if any(map(iscoroutine, wrong)):
        raise TypeError(f"{caller}() calls the async function itself: leave out the (), and give its arguments apart")
    if wrong:
        raise TypeError(f"{caller}() takes async functions, not {wrong[0]!r}")
