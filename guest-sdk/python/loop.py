"""asyncio's event loop, turned by the host's events instead of a selector. It always runs: Python is at work only while
the host delivers an event, and when that returns, every task waits for another one."""

import asyncio
from collections import deque
from collections.abc import Callable, Coroutine
from contextvars import Context
from math import ceil
from typing import Any

from wit_world.imports import host

from .log import logger

_MAX_MS = 2**32 - 1


def milliseconds(seconds: float) -> int:
    """Whole milliseconds, rounded up, as far as the contract can carry. What binary fractions add is no millisecond."""
    return min(max(ceil(round(seconds * 1000, 3)), 0), _MAX_MS)


class Timer(asyncio.TimerHandle):
    """A timer of the host's."""

    __slots__ = ("id",)
    id: int


class HostLoop(asyncio.AbstractEventLoop):
    """What asyncio's tasks, futures, locks and timeouts need of a loop."""

    def __init__(self) -> None:
        self._ready: deque[asyncio.Handle] = deque()
        self._timers: dict[int, Timer] = {}

    def turn(self) -> None:
        """Runs what is ready until everything waits."""
        while self._ready:
            handle = self._ready.popleft()
            if not handle.cancelled():
                handle._run()

    def fire(self, timer: int) -> None:
        """Takes the firing of a timer."""
        handle = self._timers.pop(timer, None)
        if handle is not None:
            self._ready.append(handle)

    def time(self) -> float:
        return host.now() / 1e9

    def call_soon(self, callback: Callable[..., Any], *args: Any, context: Context | None = None) -> asyncio.Handle:
        handle = asyncio.Handle(callback, args, self, context)
        self._ready.append(handle)
        return handle

    # There are no other threads.
    call_soon_threadsafe = call_soon

    def call_later(
        self, delay: float, callback: Callable[..., Any], *args: Any, context: Context | None = None
    ) -> Timer:
        handle = Timer(self.time() + delay, callback, args, self, context)
        handle.id = host.set_timer(milliseconds(delay))
        self._timers[handle.id] = handle
        return handle

    def call_at(self, when: float, callback: Callable[..., Any], *args: Any, context: Context | None = None) -> Timer:
        return self.call_later(when - self.time(), callback, *args, context=context)

    def _timer_handle_cancelled(self, handle: Timer) -> None:
        if self._timers.pop(handle.id, None) is not None:
            host.cancel_timer(handle.id)

    def create_future(self) -> asyncio.Future[Any]:
        return asyncio.Future(loop=self)

    def create_task(self, coro: Coroutine[Any, Any, Any], **options: Any) -> asyncio.Task[Any]:
        return asyncio.Task(coro, loop=self, **options)

    def call_exception_handler(self, context: dict[str, Any]) -> None:
        logger.error(context.get("message", "exception in a callback"), exc_info=context.get("exception"))

    def get_debug(self) -> bool:
        return False

    def is_running(self) -> bool:
        return True

    def is_closed(self) -> bool:
        return False


loop = HostLoop()
asyncio._set_running_loop(loop)
