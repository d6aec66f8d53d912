"""echo in Python: answers each echo with what it carried."""

from glomers import Message, node


@node.handler("echo")
async def echo(message: Message) -> dict:
    return {"type": "echo_ok", "echo": message.body["echo"]}
