"""Calls: what was asked of the host, and who waits for the outcome."""

import asyncio
from typing import Any

from componentize_py_types import Ok, Result
from wit_world.imports import types

from .body import decode
from .errors import RpcError
from .loop import loop

DEFAULT_TIMEOUT = 1.0
"""How many seconds a call waits for its outcome unless told otherwise."""

_waiting: dict[int, asyncio.Future[str]] = {}


async def outcome(call: int) -> Any:
    """Waits for what becomes of a call. A failure is raised as `RpcError`."""
    future = _waiting[call] = loop.create_future()
    return decode(await future)


def settle(call: int, result: Result[str, types.Failure]) -> None:
    """Takes the outcome of a call. Whoever waited may have given up."""
    future = _waiting.pop(call, None)
    if future is None or future.done():
        return
    if isinstance(result, Ok):
        future.set_result(result.value)
    else:
        future.set_exception(RpcError(result.value.code, result.value.text))
