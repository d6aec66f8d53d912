/*
 * Promise, by the language's own rules, on a queue of jobs that the SDK runs at the end of each event. The engine's own
 * promises have a queue that nobody runs once the component is made; `host build` turns async functions into generators
 * that wait for these.
 */

let jobs = [];

/** Rejected, and nobody has asked for the reason yet. */
const unhandled = new Set();

export function queueJob(job) {
  jobs.push(job);
}

/**
 * Runs all jobs, those they add included. As in Node.js, a rejected promise that nobody handles is the end: its reason is
 * thrown.
 */
export function runJobs() {
  // The array grows meanwhile.
  for (let next = 0; next < jobs.length; next++) jobs[next]();
  jobs = [];
  for (const promise of unhandled) throw promise._value;
}

const PENDING = 0;
const FULFILLED = 1;
const REJECTED = 2;

function nothing() {}

function settle(promise, state, value) {
  const reactions = promise._reactions;
  promise._state = state;
  promise._value = value;
  promise._reactions = undefined;
  for (const reaction of reactions) queueJob(() => react(promise, reaction));
  if (state === REJECTED && reactions.length === 0) unhandled.add(promise);
}

/** The two functions that decide a promise's fate, of which the first call counts. */
function deciders(promise) {
  let isDecided = false;
  const once = (decide) => (value) => {
    if (isDecided) return;
    isDecided = true;
    decide(promise, value);
  };
  return { resolve: once(resolve), reject: once(reject) };
}

function reject(promise, reason) {
  settle(promise, REJECTED, reason);
}

/** Fulfils a promise, or makes it follow another. */
function resolve(promise, value) {
  if (value === promise) return reject(promise, new TypeError('a promise cannot wait for itself'));
  if (value === null || (typeof value !== 'object' && typeof value !== 'function')) {
    return settle(promise, FULFILLED, value);
  }
  let then;
  try {
    then = value.then;
  } catch (error) {
    return reject(promise, error);
  }
  if (typeof then !== 'function') return settle(promise, FULFILLED, value);
  queueJob(() => decide(promise, (resolve, reject) => then.call(value, resolve, reject)));
}

function decide(promise, executor) {
  const { resolve, reject } = deciders(promise);
  try {
    executor(resolve, reject);
  } catch (error) {
    reject(error);
  }
}

function react(promise, { derived, onFulfilled, onRejected }) {
  const handler = promise._state === FULFILLED ? onFulfilled : onRejected;
  if (typeof handler !== 'function') {
    // Not through `resolve`: what a promise was settled with is no promise.
    return settle(derived, promise._state, promise._value);
  }
  let value;
  try {
    value = handler(promise._value);
  } catch (error) {
    return reject(derived, error);
  }
  resolve(derived, value);
}

class Promise {
  constructor(executor) {
    if (typeof executor !== 'function') throw new TypeError('a promise needs a function');
    this._state = PENDING;
    this._value = undefined;
    this._reactions = [];
    if (executor !== nothing) decide(this, executor);
  }

  then(onFulfilled, onRejected) {
    const derived = new Promise(nothing);
    const reaction = { derived, onFulfilled, onRejected };
    if (this._state === PENDING) this._reactions.push(reaction);
    else queueJob(() => react(this, reaction));
    if (this._state === REJECTED) unhandled.delete(this);
    return derived;
  }

  catch(onRejected) {
    return this.then(undefined, onRejected);
  }

  finally(onFinally) {
    if (typeof onFinally !== 'function') return this.then();
    return this.then(
      (value) => Promise.resolve(onFinally()).then(() => value),
      (reason) => Promise.resolve(onFinally()).then(() => { throw reason; }),
    );
  }

  get [Symbol.toStringTag]() {
    return 'Promise';
  }

  static resolve(value) {
    return value instanceof Promise ? value : new Promise((resolve) => resolve(value));
  }

  static reject(reason) {
    return new Promise((_, reject) => reject(reason));
  }

  static withResolvers() {
    const promise = new Promise(nothing);
    return { promise, ...deciders(promise) };
  }

  static try(work, ...args) {
    return new Promise((resolve) => resolve(work(...args)));
  }

  static all(promises) {
    return gather(promises, (promise, put, _, reject) => promise.then(put, reject));
  }

  static allSettled(promises) {
    return gather(promises, (promise, put) => promise.then(
      (value) => put({ status: 'fulfilled', value }),
      (reason) => put({ status: 'rejected', reason }),
    ));
  }

  static any(promises) {
    const none = (reasons) => { throw new AggregateError(reasons, 'every promise was rejected'); };
    return gather(promises, (promise, put, resolve) => promise.then(resolve, put), none);
  }

  static race(promises) {
    return new Promise((resolve, reject) => {
      for (const promise of promises) Promise.resolve(promise).then(resolve, reject);
    });
  }
}

/** A promise of what `join` makes of all that was `put`, in order, unless `watch` decides otherwise before. */
function gather(promises, watch, join = (found) => found) {
  return new Promise((resolve, reject) => {
    const found = [];
    let missing = 1;
    const arrived = () => {
      if (--missing > 0) return;
      try {
        resolve(join(found));
      } catch (error) {
        reject(error);
      }
    };
    let count = 0;
    for (const promise of promises) {
      const place = count++;
      missing++;
      const put = (value) => {
        found[place] = value;
        arrived();
      };
      watch(Promise.resolve(promise), put, resolve, reject);
    }
    arrived();
  });
}

export { Promise };
