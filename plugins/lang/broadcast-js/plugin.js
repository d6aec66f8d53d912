/*
 * broadcast in JavaScript: who hears a value for the first time tells all its neighbours, and each of them again and again
 * until it acknowledges. So an acknowledged value reaches every node that stays alive, through partitions and loss.
 *
 * The same algorithm as plugins/broadcast-flood, which says what it costs.
 */
import { ErrorCode, RpcError, node } from 'glomers';

const values = new Set();

/** All other nodes until the topology comes. */
let neighbours = [];

node.on('init', () => {
  neighbours = node.peers;
});

async function tell(neighbour, value) {
  for (;;) {
    try {
      await node.call(neighbour, { type: 'broadcast', message: value });
      return;
    } catch (error) {
      if (!(error instanceof RpcError)) throw error;
    }
  }
}

node.on('topology', ({ body }) => {
  neighbours = body.topology?.[node.id] ?? [];
  return { type: 'topology_ok' };
});

node.on('broadcast', ({ src, body }) => {
  const value = body.message;
  if (!Number.isSafeInteger(value)) throw new RpcError(ErrorCode.MALFORMED_REQUEST, '`message` must be an integer');
  if (!values.has(value)) {
    values.add(value);
    for (const neighbour of neighbours) {
      if (neighbour !== src) tell(neighbour, value);
    }
  }
  return { type: 'broadcast_ok' };
});

node.on('read', () => ({ type: 'read_ok', messages: [...values] }));
