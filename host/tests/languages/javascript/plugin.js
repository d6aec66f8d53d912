// What the SDK promises beyond what the guests of the tree use.
import { ErrorCode, RpcError, linKv, node, sleep } from 'glomers';

async function* count(to) {
  for (let number = 1; number <= to; number++) {
    await sleep(1);
    yield number;
  }
}

const cases = {
  /** Jobs run in the language's order, before the next event. */
  async order() {
    const order = [];
    setTimeout(() => order.push('timer'), 0);
    queueMicrotask(() => order.push('microtask'));
    Promise.resolve().then(() => order.push('then'));
    (async () => {
      order.push('call');
      await null;
      order.push('await');
    })();
    await sleep(2);
    return order;
  },

  async loop() {
    const numbers = [];
    for await (const number of count(3)) numbers.push(number);
    return numbers;
  },

  async together() {
    const outcomes = await Promise.allSettled([
      Promise.all([sleep(5).then(() => 1), 2]),
      Promise.any([Promise.reject(3), sleep(1).then(() => 4)]),
      Promise.race([sleep(9), sleep(1).then(() => 5)]),
      Promise.reject(6).finally(() => sleep(1)),
    ]);
    return outcomes.map(({ value, reason }) => value ?? reason);
  },

  async interval() {
    let times = 0;
    const never = setTimeout(() => { times += 100; }, 1);
    clearTimeout(never);
    const timer = setInterval(() => {
      if (++times === 3) clearInterval(timer);
    }, 2);
    await sleep(20);
    return times;
  },

  digits({ text }) {
    return JSON.parse(text, (key, value, { source }) => (key === 'id' ? JSON.rawJSON(source) : value)).id;
  },

  async timeout() {
    try {
      return await linKv.read('key', { timeoutMs: 5 });
    } catch (error) {
      return [error.code, error.isDefinite, error instanceof RpcError];
    }
  },

  later(message) {
    setTimeout(() => message.reply({ type: 'later' }), 1);
  },

  refuse() {
    throw new RpcError(ErrorCode.ABORT, 'on purpose');
  },

  async refuseLater() {
    await sleep(1);
    throw new RpcError(1000, 'on purpose');
  },

  throw() {
    null.field;
  },

  async throwLater() {
    await sleep(1);
    null.field;
  },

  forget() {
    linKv.read('key', { timeoutMs: 5 });
  },
};

node.on('init', async () => {
  if (node.settings.get('refuse')) throw new Error('not with this setting');
  await sleep(1);
  console.log('ready', new Map([['a', new Set([1n])]]), 'half of a pair: \ud800');
});

node.on('case', async (message) => {
  const value = await cases[message.body.name](message);
  if (value !== undefined) return { type: 'case_ok', value };
});

node.on('generate', () => ({ type: 'generate_ok', id: Math.random() }));
