/** The key-value services. Keys and values are any JSON values. */
import { DEFAULT_TIMEOUT_MS, outcomeOf } from './calls.js';
import { kv } from './contract.js';
import { stringify } from './json.js';

class Store {
  #name;

  constructor(name) {
    this.#name = name;
  }

  /** The value of a key. {@link ErrorCode.KEY_DOES_NOT_EXIST} when there is none. */
  read(key, { timeoutMs = DEFAULT_TIMEOUT_MS } = {}) {
    return outcomeOf(() => kv.read(this.#name, stringify(key), timeoutMs));
  }

  /** Sets a key. */
  write(key, value, { timeoutMs = DEFAULT_TIMEOUT_MS } = {}) {
    return outcomeOf(() => kv.write(this.#name, stringify(key), stringify(value), timeoutMs));
  }

  /**
   * Sets a key to `to` if it holds `from`, or if there is none and `create` is set. Otherwise
   * {@link ErrorCode.PRECONDITION_FAILED} or {@link ErrorCode.KEY_DOES_NOT_EXIST}.
   */
  cas(key, from, to, { create = false, timeoutMs = DEFAULT_TIMEOUT_MS } = {}) {
    return outcomeOf(() => kv.cas(this.#name, stringify(key), stringify(from), stringify(to), create, timeoutMs));
  }
}

/** Linearizable. */
export const linKv = new Store('linearizable');

/** Sequentially consistent: a read may be stale. */
export const seqKv = new Store('sequential');

/** Last write wins: updates can be lost. */
export const lwwKv = new Store('last-write-wins');
