// Speaks in init, keeps a request, and tells whether anybody waits for it.
import { node } from 'glomers';

let kept;

node.on('init', () => {
  node.send('n2', { type: 'hello' });
  setTimeout(() => node.send('n2', { type: 'tick' }), 50);
});

node.on('keep', (message) => {
  kept = message;
});

node.on('ask', ({ src }) => node.send(src, { type: 'kept', expired: kept.isExpired }));

node.on('answer', () => kept.reply({ type: 'late' }));
