/** JSON text to values and back. */
import { ErrorCode, RpcError } from './errors.js';

/** What is nested deeper than any protocol's bodies would not fit on the engine's stack. */
const MAX_DEPTH = 512;

/** The value of a text from the host, which has checked that it is JSON. Throws when it is nested too deeply. */
export function parse(text) {
  if (isTooDeep(text)) throw new RpcError(ErrorCode.MALFORMED_REQUEST, 'nested too deeply');
  return JSON.parse(text);
}

/** The text of a value. */
export function stringify(value) {
  const text = JSON.stringify(value);
  if (text === undefined) throw new TypeError(`${typeof value} has no form in JSON`);
  return text;
}

/** The text of a message's body. */
export function stringifyBody(body) {
  if (typeof body !== 'object' || body === null || Array.isArray(body)) {
    throw new TypeError(`the body of a message is an object, not ${Array.isArray(body) ? 'an array' : String(body)}`);
  }
  return stringify(body);
}

/**
 * Looks closely only at a text with so many brackets that it can be deep. One letter at a time: for a pattern of a whole
 * string QuickJS would remember every letter of it, to go back to.
 */
function isTooDeep(text) {
  if (text.length < 2 * MAX_DEPTH || count(text, '[') + count(text, '{') <= MAX_DEPTH) return false;
  const outside = /[[{\]}"]/g;
  const inString = /["\\]/g;
  let letters = outside;
  let depth = 0;
  while (letters.test(text)) {
    const end = letters.lastIndex;
    const letter = text[end - 1];
    if (letter === '\\') {
      letters.lastIndex = end + 1;
    } else if (letter === '"') {
      letters = letters === outside ? inString : outside;
      letters.lastIndex = end;
    } else {
      depth += letter === '[' || letter === '{' ? 1 : -1;
      if (depth > MAX_DEPTH) return true;
    }
  }
  return false;
}

/** How often a letter occurs, as far as that matters. In QuickJS `split` is several times faster than `indexOf`. */
function count(text, letter) {
  return text.split(letter, MAX_DEPTH + 2).length - 1;
}
