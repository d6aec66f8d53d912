/*
 * g-counter in JavaScript: the counter is one key of seq-kv, which every node changes by compare-and-set.
 *
 * A cas that finds another value than expected reads and tries again. One that times out may have happened, so it is not
 * tried again: its client gets the timeout, and knows as little. A read of seq-kv may be stale; writing a value that is
 * new to the store brings this node up to date first.
 */
import { ErrorCode, RpcError, node, seqKv } from 'glomers';

const COUNTER = 'counter';

/** What the counter was when this node last heard of it. */
let lastKnown = 0;

/** Whether the counter was what this node believes it to be, and has been raised. */
async function tryToAdd(delta) {
  const sum = lastKnown + delta;
  try {
    await seqKv.cas(COUNTER, lastKnown, sum, { create: true });
  } catch (error) {
    if (error.code === ErrorCode.PRECONDITION_FAILED) return false;
    throw error;
  }
  lastKnown = sum;
  return true;
}

node.on('add', async ({ body: { delta } }) => {
  if (!Number.isSafeInteger(delta) || delta < 0) {
    throw new RpcError(ErrorCode.MALFORMED_REQUEST, '`delta` must be an integer that is not negative');
  }
  while (!(await tryToAdd(delta))) lastKnown = await seqKv.read(COUNTER);
  return { type: 'add_ok' };
});

node.on('read', async () => {
  const unheardOf = Math.floor(Math.random() * Number.MAX_SAFE_INTEGER);
  await seqKv.write('barrier', unheardOf);
  try {
    return { type: 'read_ok', value: await seqKv.read(COUNTER) };
  } catch (error) {
    if (error.code === ErrorCode.KEY_DOES_NOT_EXIST) return { type: 'read_ok', value: 0 };
    throw error;
  }
});
