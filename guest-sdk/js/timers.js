/** The usual timers, on the host's. */
import { host } from './contract.js';
import { Promise } from './promise.js';

const running = new Map();

/** The longest time the contract can carry: 49 days. */
const MAX_MS = 2 ** 32 - 1;

class Timer {
  constructor(afterMs, callback, isRepeated) {
    this.afterMs = Math.min(Math.max(Math.ceil(afterMs) || 0, 0), MAX_MS);
    this.callback = callback;
    this.isRepeated = isRepeated;
    this.start();
  }

  start() {
    this.id = host.setTimer(this.afterMs);
    running.set(this.id, this);
  }

  stop() {
    this.isRepeated = false;
    if (running.delete(this.id)) host.cancelTimer(this.id);
  }

  fire() {
    running.delete(this.id);
    if (this.isRepeated) this.start();
    this.callback();
  }
}

/** A timer has fired. */
export function fire(id) {
  running.get(id)?.fire();
}

/** Waits at least so many milliseconds. */
export function sleep(milliseconds) {
  return new Promise((resolve) => new Timer(milliseconds, resolve, false));
}

export function setTimeout(callback, milliseconds, ...args) {
  return new Timer(milliseconds, () => callback(...args), false);
}

export function setInterval(callback, milliseconds, ...args) {
  return new Timer(milliseconds, () => callback(...args), true);
}

export function clearTimeout(timer) {
  timer?.stop();
}
