/** Errors, by Maelstrom's table. */

/** Of the others, those from 1000 on are free for applications; they leave open whether something happened. */
export const ErrorCode = Object.freeze({
  TIMEOUT: 0,
  NODE_NOT_FOUND: 1,
  NOT_SUPPORTED: 10,
  TEMPORARILY_UNAVAILABLE: 11,
  MALFORMED_REQUEST: 12,
  CRASH: 13,
  ABORT: 14,
  KEY_DOES_NOT_EXIST: 20,
  KEY_ALREADY_EXISTS: 21,
  PRECONDITION_FAILED: 22,
  TXN_CONFLICT: 30,
});

const indefinite = [ErrorCode.TIMEOUT, ErrorCode.CRASH];
const definite = Object.values(ErrorCode).filter((code) => !indefinite.includes(code));

/** What a call is rejected with, and what a handler throws to answer with an error. */
export class RpcError extends Error {
  /**
   * @param {number} code one of {@link ErrorCode}, or your own from 1000 on
   * @param {string} [text] what went wrong, for people
   */
  constructor(code, text = '') {
    super(text);
    this.code = code;
  }

  get name() {
    return 'RpcError';
  }

  /** Whether it is certain that nothing happened. */
  get isDefinite() {
    return definite.includes(this.code);
  }

  toString() {
    return `error ${this.code}: ${this.message}`;
  }
}
