/*
 * What every program in JavaScript takes for granted, from the host: chance and time in particular, so that a run in the
 * bench can be repeated. Loaded before anything else. `Date` is the host's already, through WASI.
 */
import { console } from './console.js';
import { host, isConnected } from './contract.js';
import { Promise, queueJob } from './promise.js';
import { clearTimeout, setInterval, setTimeout } from './timers.js';

Object.assign(globalThis, {
  Promise,
  queueMicrotask: queueJob,
  console,
  setTimeout,
  setInterval,
  clearTimeout,
  clearInterval: clearTimeout,
  performance: { now: () => (isConnected ? host.now() / 1e6 : 0) },
});

// The engine's was seeded when the plugin was built, the same on every node. It is left to the top level of packages, some
// of which draw a number there. 64 bits are rounded to a number, which can be one too many.
const random = Math.random;
Math.random = () => (isConnected ? (host.random() / 2 ** 64) % 1 : random());

// These wait for promises of the engine, for ever.
delete Array.fromAsync;
delete globalThis.AsyncDisposableStack;
