/** `console`, on the node's log. */
import { host } from './contract.js';
import { authored } from './places.js';

/** What JSON leaves out or refuses. */
function readable(_, value) {
  if (value instanceof Map || value instanceof Set) return [...value];
  if (value instanceof Error) return String(value);
  if (typeof value === 'bigint') return `${value}n`;
  return value;
}

/** A value as people read it. */
export function describe(value) {
  if (typeof value === 'string') return value;
  if (value instanceof Error) return `${value}\n${authored(value.stack ?? '')}`.trimEnd();
  try {
    return JSON.stringify(value, readable) ?? String(value);
  } catch {
    return String(value);
  }
}

/** Half a surrogate pair is no text for the host. */
export function log(level, text) {
  host.log(level, text.toWellFormed());
}

const printer = (level) => (...values) => log(level, values.map(describe).join(' '));

export const console = {
  trace: printer('trace'),
  debug: printer('debug'),
  log: printer('info'),
  info: printer('info'),
  warn: printer('warn'),
  error: printer('error'),
};
