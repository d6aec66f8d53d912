/** The node: who it is, what it does with messages, and the messages it sends. */
import { DEFAULT_TIMEOUT_MS, outcomeOf } from './calls.js';
import { log } from './console.js';
import { host, oracle } from './contract.js';
import { ErrorCode, RpcError } from './errors.js';
import { parse, stringifyBody } from './json.js';

/** The last request of a client that the host has forgotten. It forgets them in the order of their numbers. */
let expiredUntil = 0n;

/** A message as it came in. May be kept and answered in a later event; the first answer counts. */
class Message {
  #request;

  constructor(src, request, text) {
    this.#request = request;
    /** Who sent it. */
    this.src = src;
    /** The body as the sender wrote it. */
    this.text = text;
    /** The body, an object. */
    this.body = undefined;
  }

  /** Whether the sender waits for an answer. */
  get wantsAnswer() {
    return this.#request !== null;
  }

  /**
   * Whether the sender is a client that has waited so long that it has given up: 4.9 s, see `host --request-timeout`. An
   * answer is dropped then, since one to a client that is gone is a fault in a node. Whoever may take that long answers
   * before, with {@link ErrorCode.TIMEOUT} if the outcome is not known.
   */
  get isExpired() {
    return this.wantsAnswer && this.src.startsWith('c') && this.#request <= expiredUntil;
  }

  /** Answers with a body. */
  reply(body) {
    const text = stringifyBody(body);
    if (this.wantsAnswer) host.reply(this.#request, text);
  }

  /**
   * Answers with an error.
   * @param {RpcError} error
   */
  fail({ code, message }) {
    const text = message.toWellFormed();
    if (this.wantsAnswer) host.fail(this.#request, { code, text });
    else log('warn', `message from ${this.src} dropped: error ${code}: ${text}`);
  }
}

const handlers = new Map();

export const node = {
  /** This node's name. */
  id: '',
  /** All nodes, this one included, in the same order everywhere. */
  nodes: [],
  /** All other nodes. */
  peers: [],
  /** `--set key=value`, as strings. Of two values for a key the last counts. */
  settings: new Map(),

  /**
   * Says what to do with messages of a type. What the handler returns, or the promise it returns resolves to, is the
   * body of the answer; `undefined` means none, or one that comes later by `message.reply`. An {@link RpcError} that it
   * throws is answered as such; any other error ends the node. A type without a handler is refused with error 10.
   *
   * `init` is for the start of the node and gets no message. An error there ends the node, with its text as the reason.
   * @param {string} type
   * @param {(message: Message) => object | undefined | Promise<object | undefined>} handler
   */
  on(type, handler) {
    handlers.set(type, handler);
  },

  /** Sends a message that expects no answer, and may be lost. */
  send(dest, body) {
    host.send(dest, stringifyBody(body));
  },

  /** Sends a request to a node or a service; the answer's body. No answer in time is {@link ErrorCode.TIMEOUT}. */
  call(dest, body, { timeoutMs = DEFAULT_TIMEOUT_MS } = {}) {
    return outcomeOf(() => host.call(dest, stringifyBody(body), timeoutMs));
  },

  /** The next timestamp of lin-tso, an integer greater than all before. */
  timestamp({ timeoutMs = DEFAULT_TIMEOUT_MS } = {}) {
    return outcomeOf(() => oracle.timestamp(timeoutMs));
  },
};

/** Starts the node. Returns what the handler of `init` returns. */
export function start({ nodeId, nodeIds, settings }) {
  node.id = nodeId;
  node.nodes = nodeIds;
  node.peers = nodeIds.filter((name) => name !== nodeId);
  node.settings = new Map(settings);
  return handlers.get('init')?.();
}

/** Handles a message, as far as it goes before it waits. */
export function receive({ src, request, body: text }) {
  const message = new Message(src, request, text);
  let answer;
  try {
    message.body = parse(text);
    answer = handlerOf(message.body.type)(message);
  } catch (error) {
    return refuse(message, error);
  }
  if (typeof answer?.then !== 'function') return reply(message, answer);
  answer.then((body) => reply(message, body), (error) => refuse(message, error));
}

/** A client has given up. */
export function expire(request) {
  expiredUntil = request;
}

function handlerOf(type) {
  if (typeof type !== 'string') throw new RpcError(ErrorCode.MALFORMED_REQUEST, 'the body has no type');
  const handler = handlers.get(type);
  if (handler === undefined) throw new RpcError(ErrorCode.NOT_SUPPORTED, `no messages of type ${type} here`);
  return handler;
}

function reply(message, body) {
  if (body !== undefined) message.reply(body);
}

function refuse(message, error) {
  if (!(error instanceof RpcError)) throw error;
  message.fail(error);
}
