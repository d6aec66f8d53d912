"""Errors as Maelstrom numbers them. What a handler raises becomes an error reply; what a peer answers is raised here."""

import os
import traceback
from enum import IntEnum


class ErrorCode(IntEnum):
    """Maelstrom's errors. Codes from 1000 on are free for applications."""

    TIMEOUT = 0
    NODE_NOT_FOUND = 1
    NOT_SUPPORTED = 10
    TEMPORARILY_UNAVAILABLE = 11
    MALFORMED_REQUEST = 12
    CRASH = 13
    ABORT = 14
    KEY_DOES_NOT_EXIST = 20
    KEY_ALREADY_EXISTS = 21
    PRECONDITION_FAILED = 22
    TXN_CONFLICT = 30


class RpcError(Exception):
    """An error: a code for programs and a text for people."""

    def __init__(self, code: int, text: str = "") -> None:
        if not 0 <= code < 2**32:
            raise ValueError(f"an error's code has 32 bits, {code} has not")
        super().__init__(code, text)
        self.code = code
        self.text = str(text)

    @property
    def is_definite(self) -> bool:
        """Whether it is certain that the operation did not happen and never will."""
        return self.code in ErrorCode and self.code not in (ErrorCode.TIMEOUT, ErrorCode.CRASH)

    def __str__(self) -> str:
        name = ErrorCode(self.code).name.lower().replace("_", "-") if self.code in ErrorCode else "error"
        return f"{name} ({self.code}): {self.text}" if self.text else f"{name} ({self.code})"


_SDK = os.path.dirname(__file__) + os.sep
_PLUGIN = os.path.dirname(os.path.dirname(__file__)) + os.sep


def summary(error: BaseException) -> str:
    """An exception in one line, with the place in the plugin where it came from."""
    frames = traceback.extract_tb(error.__traceback__)
    own = [frame for frame in frames if frame.filename.startswith(_PLUGIN) and not frame.filename.startswith(_SDK)]
    place = f" ({own[-1].filename.removeprefix(_PLUGIN)}:{own[-1].lineno} in {own[-1].name})" if own else ""
    return f"{type(error).__name__}: {error}{place}"
