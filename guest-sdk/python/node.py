"""The node: its handlers, who it is, and what it can cause."""

import asyncio
import inspect
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass
from typing import Any

from wit_world.imports import host, oracle, types

from .body import Body, decode, encode_body
from .calls import DEFAULT_TIMEOUT, outcome
from .errors import ErrorCode, RpcError, summary
from .log import logger, printable
from .loop import loop, milliseconds


@dataclass(slots=True)
class Message:
    """A message as it came in."""

    src: str
    """Who sent it."""
    body: Body
    """What it says, with its `type`."""
    _request: int | None = None

    @property
    def is_expired(self) -> bool:
        """Whether the sender is a client that has waited so long that it has given up: 4.9 s, see `host
        --request-timeout`. An answer is dropped then, since one to a client that is gone is a fault in a node. Whoever may
        take that long answers before, with `ErrorCode.TIMEOUT` if the outcome is not known: see `asyncio.timeout`."""
        return self._request is not None and self.src.startswith("c") and self._request <= node.expired_until


Handler = Callable[[Message], Awaitable[dict[str, Any] | None]]


class Node:
    """This node. There is one, `glomers.node`."""

    id: str
    """Its name. Like what follows, it is known from `on_start` on."""
    ids: list[str]
    """All nodes, this one included, in the same order everywhere."""
    peers: list[str]
    """All other nodes, in the same order."""
    settings: list[tuple[str, str]]
    """The plugin's settings, `--set key=value`."""

    def __init__(self) -> None:
        self._handlers: dict[str, Handler] = {}
        self._start: Callable[[], None] | None = None
        # asyncio itself holds tasks only weakly.
        self._tasks: set[asyncio.Task[None]] = set()
        # The host forgets clients' requests in the order of their numbers.
        self.expired_until = -1

    # ---- What a plugin defines ----

    def handler(self, type: str) -> Callable[[Handler], Handler]:
        """Makes a coroutine the handler of messages of a type. It returns the body of the answer."""

        def register(handler: Handler) -> Handler:
            if not inspect.iscoroutinefunction(handler):
                raise TypeError(f"the handler of {type!r} is no coroutine: write `async def`")
            if type in self._handlers:
                raise ValueError(f"{type!r} has a handler already")
            self._handlers[type] = handler
            return handler

        return register

    def on_start(self, start: Callable[[], None]) -> Callable[[], None]:
        """Has a function called before the first message. If it raises, the node does not start."""
        self._start = start
        return start

    # ---- What a plugin can do ----

    def send(self, dest: str, body: dict[str, Any]) -> None:
        """Sends a message that expects no answer. It may be lost; nobody is told."""
        host.send(checked(dest), encode_body(body))

    async def call(self, dest: str, body: dict[str, Any], *, timeout: float = DEFAULT_TIMEOUT) -> dict[str, Any]:
        """Sends a request when it is awaited, and returns the answer's body. An error that comes back is raised as
        `RpcError`, and so is the timeout, after so many seconds."""
        return await outcome(host.call(checked(dest), encode_body(body), milliseconds(timeout)))

    async def timestamp(self, *, timeout: float = DEFAULT_TIMEOUT) -> int:
        """The next timestamp of lin-tso, greater than every one before."""
        return await outcome(oracle.timestamp(milliseconds(timeout)))

    def spawn(self, coroutine: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        """Runs a coroutine beside the handlers. Nobody need wait for it; what it raises is logged."""
        task = asyncio.Task(coroutine, loop=loop, eager_start=True)
        if not task.done():
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        return task

    # ---- What the host tells ----

    def start(self, context: types.Context) -> None:
        """Learns who it is."""
        self.id, self.ids, self.settings = context.node_id, context.node_ids, context.settings
        self.peers = [name for name in self.ids if name != self.id]
        if self._start is not None:
            self._start()

    def expire(self, request: int) -> None:
        """Learns that a client has given up."""
        self.expired_until = request

    async def handle(self, message: types.Message) -> None:
        """Has a message handled, and answers it."""
        try:
            answer = await self._handled(message)
            if answer is not None and message.request is not None:
                host.reply(message.request, encode_body(answer))
        except RpcError as error:
            self._refuse(message, error)
        except (Exception, asyncio.CancelledError) as error:
            logger.exception("a handler failed")
            self._refuse(message, RpcError(ErrorCode.CRASH, summary(error)))

    async def _handled(self, message: types.Message) -> dict[str, Any] | None:
        try:
            body = Body(decode(message.body))
        except ValueError as error:
            raise RpcError(ErrorCode.MALFORMED_REQUEST, f"the body cannot be read: {error}") from None
        handler = self._handlers.get(str(body["type"]))
        if handler is None:
            raise RpcError(ErrorCode.NOT_SUPPORTED, f"messages of type {body['type']!r} are not supported")
        return await handler(Message(message.src, body, message.request))

    def _refuse(self, message: types.Message, error: RpcError) -> None:
        if message.request is not None:
            host.fail(message.request, types.Failure(error.code, printable(error.text)))
        else:
            logger.warning("message from %s dropped: %s", message.src, error)


def checked(name: str) -> str:
    """A name that is Unicode. Anything else would end the node on the way to the host, without a traceback."""
    if not isinstance(name, str):
        raise TypeError(f"a node's name is a str, not {name!r}")
    name.encode()
    return name


node = Node()
