"""`logging` to the node's log. `print` goes there by itself."""

import logging
import sys

from wit_world.imports import host
from wit_world.imports.host import Level


def printable(text: str) -> str:
    """A text that is Unicode. Strings from JSON can hold half a surrogate pair, which the contract cannot carry."""
    return text.encode("utf-8", "backslashreplace").decode()


class HostHandler(logging.Handler):
    """Hands records to the host."""

    def emit(self, record: logging.LogRecord) -> None:
        try:
            host.log(_level(record.levelno), printable(self.format(record)))
        except Exception:
            # As every handler of Python's does: a bad record is reported, and whoever logged it goes on.
            self.handleError(record)


def _level(number: int) -> Level:
    if number >= logging.ERROR:
        return Level.ERROR
    if number >= logging.WARNING:
        return Level.WARN
    if number >= logging.INFO:
        return Level.INFO
    return Level.DEBUG if number >= logging.DEBUG else Level.TRACE


logger = logging.getLogger("glomers")
"""The SDK's own."""

logging.basicConfig(level=logging.DEBUG, format="%(message)s", handlers=[HostHandler()])
# What is printed may hold half a surrogate pair too.
for _stream in sys.stdout, sys.stderr:
    _stream.reconfigure(errors="backslashreplace")
