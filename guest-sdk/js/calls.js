/** What was asked, and waits for its outcome. */
import { ErrorCode, RpcError } from './errors.js';
import { parse } from './json.js';
import { Promise } from './promise.js';

/** How long a call waits for its outcome unless told otherwise. */
export const DEFAULT_TIMEOUT_MS = 1000;

const waiting = new Map();

/** A promise of the outcome of a call: `start` starts it and returns its id. */
export function outcomeOf(start) {
  return new Promise((resolve, reject) => waiting.set(start(), { resolve, reject }));
}

/** The outcome of a call is there. */
export function settle(call, outcome) {
  const { resolve, reject } = waiting.get(call);
  waiting.delete(call);
  if (outcome.tag === 'err') return reject(new RpcError(outcome.val.code, outcome.val.text));
  let value;
  try {
    value = parse(outcome.val);
  } catch (error) {
    return reject(new RpcError(ErrorCode.CRASH, `an answer that cannot be read: ${error.message}`));
  }
  resolve(value);
}
