"""Bodies, keys and values: JSON by the standard library, whose integers are exact."""

import json
import re
from itertools import accumulate
from typing import Any

from .errors import ErrorCode, RpcError

MAX_DEPTH = 128
"""How deep a value may be nested. What is much deeper would overflow the stack, and that ends the node."""

_STRINGS_AND_SCALARS = re.compile(r'"[^"\\]*+(?:\\.[^"\\]*+)*+"|[^][{}"]++')


class Body(dict[str, Any]):
    """A body that somebody sent. That a field is missing is the sender's mistake, error 12."""

    def __missing__(self, field: str) -> Any:
        raise RpcError(ErrorCode.MALFORMED_REQUEST, f"missing field `{field}`")


# JSON has no infinities; the host would take them for a defect of the plugin.
encode = json.JSONEncoder(separators=(",", ":"), allow_nan=False).encode


def encode_body(body: dict[str, Any]) -> str:
    """The text of a message's body."""
    if not isinstance(body, dict):
        raise TypeError(f"a message's body is a dict, not {body!r}")
    return encode(body)


def decode(text: str) -> Any:
    """The value of a text. The host knows that it is JSON; nesting and numbers can be beyond what Python reads."""
    # Few brackets cannot be deep, and counting them is much faster than looking.
    if text.count("[") + text.count("{") > MAX_DEPTH and _depth(text) > MAX_DEPTH:
        raise ValueError("nested too deeply")
    return json.loads(text)


def _depth(text: str) -> int:
    brackets = _STRINGS_AND_SCALARS.sub("", text)
    return max(accumulate(1 if bracket in "[{" else -1 for bracket in brackets))
