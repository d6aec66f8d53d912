"""Clients of Maelstrom's key-value services."""

from typing import Any

from wit_world.imports import kv
from wit_world.imports.kv import Store

from .body import encode
from .calls import DEFAULT_TIMEOUT, outcome
from .errors import ErrorCode, RpcError
from .loop import milliseconds

_MISSING: Any = object()


class Kv:
    """One service. Keys and values are anything that JSON can say. An operation starts when it is awaited, and raises
    `RpcError`: a timeout leaves open whether a write or cas has happened."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def read(self, key: Any, *, default: Any = _MISSING, timeout: float = DEFAULT_TIMEOUT) -> Any:
        """The value of a key. One that does not exist is error 20, or the default if there is one."""
        try:
            return await outcome(kv.read(self._store, encode(key), milliseconds(timeout)))
        except RpcError as error:
            if default is _MISSING or error.code != ErrorCode.KEY_DOES_NOT_EXIST:
                raise
            return default

    async def write(self, key: Any, value: Any, *, timeout: float = DEFAULT_TIMEOUT) -> None:
        """Sets a key."""
        await outcome(kv.write(self._store, encode(key), encode(value), milliseconds(timeout)))

    async def cas(
        self, key: Any, old: Any, new: Any, *, create: bool = False, timeout: float = DEFAULT_TIMEOUT
    ) -> None:
        """Sets a key to `new` if it holds `old`, or if there is none and `create` is set. Error 22 if it holds
        something else, 20 if it does not exist."""
        call = kv.cas(self._store, encode(key), encode(old), encode(new), create, milliseconds(timeout))
        await outcome(call)


lin_kv = Kv(Store.LINEARIZABLE)
"""Linearizable: every operation sees all that completed before it began."""

seq_kv = Kv(Store.SEQUENTIAL)
"""Sequentially consistent: a read may be stale. Writing a value that is new to the store brings the writer up to date."""

lww_kv = Kv(Store.LAST_WRITE_WINS)
"""Last write wins: eventually consistent; updates can be lost."""
