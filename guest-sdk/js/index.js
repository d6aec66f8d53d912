/*
 * Write a node of a distributed system in JavaScript: handlers by type of message, and promises for what comes back later.
 *
 *     import { ErrorCode, RpcError, node, seqKv, sleep } from 'glomers';
 *
 *     node.on('echo', ({ body }) => ({ type: 'echo_ok', echo: body.echo }));
 *
 *     node.on('read', async () => {
 *       const value = await seqKv.read('counter');
 *       return { type: 'read_ok', value };
 *     });
 *
 * The host delivers one event at a time, and handlers interleave only where they `await`. Variables of a module are the
 * node's state. The top level of a module runs once, while the plugin is built, and what it makes is the same on every node:
 * what has to do with this node, the time or chance belongs into `node.on('init', ...)`.
 *
 * A call that fails is rejected with an `RpcError`, and a handler that throws one answers with it. Any other error that
 * nobody catches ends the node, a promise's too, as in Node.js.
 *
 * Beside the language there are `console` (to the node's log), `setTimeout` and `setInterval`, `queueMicrotask` and
 * `performance.now`. Time and chance, `Date` and `Math.random` included, are the host's, simulated in the bench. Packages
 * from npm are bundled, as far as they need no more than that: nothing of Node.js, no network, no files.
 *
 * `JSON.parse` rounds integers beyond 2^53. Where they matter, `message.text` has the body as it was written:
 * `JSON.parse(text, (key, value, { source }) => ...)` shows each number's digits, and `JSON.rawJSON(digits)` in a body
 * writes them.
 */
export { ErrorCode, RpcError } from './errors.js';
export { linKv, lwwKv, seqKv } from './kv.js';
export { node } from './node.js';
export { sleep } from './timers.js';
