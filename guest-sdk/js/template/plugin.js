/*
 * {{name}}: what it promises, how, and what it costs.
 */
import { ErrorCode, RpcError, node } from 'glomers';

/** What a node remembers. */
let heard = 0;

node.on('init', () => {
  console.log(`${node.id} is one of ${node.nodes.length} nodes`);
});

// Fill in: one handler for each type of message. What it returns is the answer. Calls, timers and the key-value services
// are promises, so a handler that uses them is an async function.
node.on('echo', ({ body }) => {
  if (body.echo === undefined) throw new RpcError(ErrorCode.MALFORMED_REQUEST, 'missing field `echo`');
  heard++;
  return { type: 'echo_ok', echo: body.echo };
});
