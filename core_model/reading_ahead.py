"""Making the next items of an iterator in another thread while the present one is worked on."""

from __future__ import annotations

from collections import deque
from collections.abc import Generator, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

Item = TypeVar("Item")


def ahead(items: Iterator[Item], depth: int) -> Generator[Item, None, None]:
    """The same items in the same order, made by one other thread, at most ``depth`` of them before they are asked for.

    What ``items`` raises is raised here, in its turn. When this iterator is closed, the item being made is waited for
    and no other is begun: then the thread has ended.
    """
    end: Any = object()
    with ThreadPoolExecutor(1, "aquila-ahead") as thread:
        waiting = deque(thread.submit(next, items, end) for _ in range(depth))
        try:
            while True:
                item = waiting.popleft().result()
                if item is end:
                    return
                waiting.append(thread.submit(next, items, end))
                yield item
        finally:
            for future in waiting:
                future.cancel()
