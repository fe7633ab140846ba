"""Restore a heap after a comparison has raised.

`heapq` leaves the item of a failed push in the heap, out of order, and drops the item of a failed pop. Both sift an
item along one path between the root and a leaf and move the others on that path by one place; moving those back
restores the heap without a single comparison.

Where the last item stopped in a failed pop is seen by its identity alone. An object that is in the heap more than once
leaves that open, and comparing would not settle it, since it is comparisons that fail: then the heap may end up out of
order, with all its items.
"""

from __future__ import annotations

from heapq import heappush
from itertools import pairwise
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence


def undo_push(heap: list[Any], item: Any) -> None:
    """Restore a heap after a push of this item that raised."""
    _take_back(heap, _place(heap, item))


def undo_pop(heap: list[Any], smallest: Any, last: Any) -> None:
    """Restore a heap after a pop that raised, given what was its smallest item and its last."""
    # The last item took the place of the smallest and went down from there; those it passed moved up by one.
    place = next(place for place, item in enumerate(heap) if item is last)
    while place:
        above = (place - 1) >> 1
        heap[place] = heap[above]
        place = above
    heap[0] = smallest
    heap.append(last)


def push_all(heap: list[Any], items: Sequence[Any]) -> None:
    """Push all items, or raise and leave the heap as it was."""
    places: list[int] = []
    try:
        for item in items:
            heappush(heap, item)
            places.append(_place(heap, item))
    except BaseException:
        undo_push(heap, item)
        while places:
            _take_back(heap, places.pop())
        raise


def _place(heap: list[Any], item: Any) -> int:
    """Where the item pushed last stands: at the end, or above it as far as it rose."""
    place = len(heap) - 1
    while heap[place] is not item:
        place = (place - 1) >> 1
    return place


def _take_back(heap: list[Any], place: int) -> None:
    """Undo the last push, whose item rose to `place`: those that it passed moved down by one."""
    path = [len(heap) - 1]
    while path[-1] != place:
        path.append((path[-1] - 1) >> 1)
    for lower, upper in reversed(list(pairwise(path))):
        heap[upper] = heap[lower]
    heap.pop()
