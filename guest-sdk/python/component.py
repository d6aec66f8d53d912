"""What componentize-py makes a component of: the plugin is imported, and the contract's events are led to its node."""

import linecache
import sys

import plugin
from componentize_py_types import Err, Result
from wit_world import exports
from wit_world.imports import types

from .calls import settle
from .errors import summary
from .log import logger, printable
from .loop import loop
from .node import node


class Node(exports.Node):
    """Interface `node`."""

    def init(self, context: types.Context) -> None:
        try:
            node.start(context)
        except Exception as error:
            logger.exception("the node cannot start")
            raise Err(printable(summary(error))) from error
        loop.turn()

    def on_message(self, message: types.Message) -> None:
        node.spawn(node.handle(message))
        loop.turn()


class Events(exports.Events):
    """Interface `events`."""

    def on_reply(self, call: int, outcome: Result[str, types.Failure]) -> None:
        settle(call, outcome)
        loop.turn()

    def on_timer(self, timer: int) -> None:
        loop.fire(timer)
        loop.turn()


class Expiry(exports.Expiry):
    """Interface `expiry`."""

    def on_expired(self, request: int) -> None:
        node.expire(request)


def keep_sources(directory: str) -> None:
    """Keeps the lines that tracebacks show: there are no files when the node runs."""
    for module in list(sys.modules.values()):
        file = getattr(module, "__file__", None)
        if file is not None and file.startswith(directory) and linecache.getlines(file):
            size, _, lines, name = linecache.cache[file]
            # Without a time it is not compared with the file.
            linecache.cache[file] = (size, None, lines, name)


keep_sources(plugin.__file__.removesuffix("plugin.py"))
