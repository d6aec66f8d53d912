"""{{name}}: what it promises, how, and what it costs."""

import logging

from glomers import Message, node

heard = 0
"""What a node remembers."""


@node.on_start
def start() -> None:
    logging.info("%s is one of %d nodes", node.id, len(node.ids))


# Fill in: one coroutine for each type of message. It can await calls, timers and the key-value services.
@node.handler("echo")
async def echo(message: Message) -> dict:
    global heard
    heard += 1
    return {"type": "echo_ok", "echo": message.body["echo"]}
