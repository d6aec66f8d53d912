"""Write a node of a distributed system in Python: a coroutine for each type of message, in a file `plugin.py`.

    from glomers import ErrorCode, RpcError, node, seq_kv

    @node.handler("add")
    async def add(message):
        while True:
            value = await seq_kv.read("counter", default=0)
            try:
                await seq_kv.cas("counter", value, value + message.body["delta"], create=True)
                return {"type": "add_ok"}
            except RpcError as error:
                if error.code != ErrorCode.PRECONDITION_FAILED:
                    raise

What a handler returns is the answer; `None` answers nothing. An `RpcError` that leaves it, its own or that of a call,
becomes an error reply. Any other exception is a defect: it is logged with its traceback, and its client gets error 13.
A type without a handler is error 10, a field that `message.body[...]` does not find error 12.

The event loop is asyncio's, turned by the host: `asyncio.sleep`, `gather`, `timeout`, `Lock`, `Queue` and so on work;
what needs sockets, threads or processes does not. Handlers run until they wait, one at a time. `print` and `logging` go
to the node's log; `time` and `random` are the host's, so the same seed gives the same run.

Modules are imported when the component is built, and there are no files later: put every `import` at the top. Packages
that are all Python can lie beside `plugin.py` (`pip install --target .`). Python draws its hash seed at build time, so a
set of strings may have another order after the next build: sort it before its order matters.
"""

from .body import Body
from .errors import ErrorCode, RpcError
from .kv import Kv, lin_kv, lww_kv, seq_kv
from .node import Message, Node, node

__all__ = ["Body", "ErrorCode", "Kv", "Message", "Node", "RpcError", "lin_kv", "lww_kv", "node", "seq_kv"]
