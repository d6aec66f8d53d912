/** The exports of the contract. Each event runs until everything waits for another one. */
import { settle } from './calls.js';
import { describe, log } from './console.js';
import { connect } from './contract.js';
import { RpcError } from './errors.js';
import { expire, receive, start } from './node.js';
import { Promise, runJobs } from './promise.js';
import { fire } from './timers.js';

/** An error that nobody has caught is a defect of the plugin and ends the node. */
function run(event) {
  try {
    event();
    runJobs();
  } catch (error) {
    log('error', `uncaught ${describe(error)}`);
    throw error;
  }
}

/** Whether it is one that the engine has thrown, and not a refusal. */
function isDefect(error) {
  return error instanceof Error && error.constructor !== Error && !(error instanceof RpcError);
}

export const node = {
  init(context) {
    connect();
    let isStarting = true;
    let refusal;
    run(() => {
      Promise.try(start, context).catch((error) => {
        if (!isStarting) throw error;
        if (isDefect(error)) log('error', `uncaught ${describe(error)}`);
        refusal = { reason: String(isDefect(error) ? error : error?.message ?? error).toWellFormed() };
      });
    });
    isStarting = false;
    if (refusal) throw refusal.reason;
  },

  onMessage(message) {
    run(() => receive(message));
  },
};

export const events = {
  onReply(call, outcome) {
    run(() => settle(call, outcome));
  },

  onTimer(timer) {
    run(() => fire(timer));
  },
};

export const expiry = {
  onExpired(request) {
    expire(request);
  },
};
