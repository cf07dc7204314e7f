"""A map in threads that keeps its order and runs no further ahead than it is told."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Executor, Future
from typing import TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")


def lookahead(
    pool: Executor,
    work: Callable[[Item], Result],
    items: Iterable[Item],
    depth: int,
    weight: Callable[[Item], int] = lambda _: 0,
    room: int = 0,
) -> Iterator[Result]:
    """The results of `work` on each item, in the order of the items.

    Args:
        pool: where it is done.
        work: what is done.
        items: taken one by one, never more than `depth` of them before their results are.
        depth: at least 1.
        weight: what an item takes up from when it is begun until its result is taken.
        room: for the weights of several items; one that is heavier goes alone.

    Raises:
        Exception: what `work` raised. What had not begun by then, or when the iteration is left, never begins.
    """
    waiting: deque[tuple[Future[Result], int]] = deque()
    taken = 0
    try:
        for item in items:
            own = weight(item)
            while waiting and (len(waiting) >= depth or taken + own > room):
                future, freed = waiting.popleft()
                taken -= freed
                yield future.result()
            waiting.append((pool.submit(work, item), own))
            taken += own
        while waiting:
            yield waiting.popleft()[0].result()
    finally:
        for future, _ in waiting:
            future.cancel()
