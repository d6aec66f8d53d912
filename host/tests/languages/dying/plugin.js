// A node that dies as its requests say.
import { node, sleep } from 'glomers';
import { lookUp } from './table.js';

node.on('init', () => {
  if (node.settings.size > 0) lookUp('settings');
});

node.on('panic', ({ body }) => {
  return { type: 'panic_ok', value: lookUp(body.msg_id) };
});

node.on('later', async ({ body }) => {
  await sleep(1);
  return { type: 'later_ok', value: lookUp(body.msg_id) };
});

function dig(depth) {
  return dig(depth + 1) + depth;
}

node.on('overflow', () => ({ type: 'overflow_ok', value: dig(0) }));

node.on('string', () => {
  throw 'no such table';
});

node.on('loop', () => {
  for (;;);
});

node.on('memory', () => {
  const hoard = [];
  for (;;) hoard.push(new Uint8Array(1 << 20).fill(1));
});
