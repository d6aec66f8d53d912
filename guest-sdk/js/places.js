/*
 * Where the author wrote it. The engine names places in the one module that `host build` makes of all; its last statement
 * says which line came from which file.
 */

/** `    at name (/build/plugin.js:12:3)`, the name perhaps missing. */
const FRAME = /^\s*at (?:(.*) \()?([^()]*):(\d+):(\d+)\)?$/;

/** A stack with the author's functions only, and their places. */
export function authored(stack) {
  const { sources, lines } = globalThis.glomersPlaces ?? {};
  if (lines === undefined) return stack;
  const frames = [];
  for (const frame of stack.split('\n')) {
    const [, name, , line] = FRAME.exec(frame) ?? [];
    const source = sources[lines[2 * (line - 1)]];
    if (source === undefined) continue;
    const place = `${source}:${lines[2 * line - 1]}`;
    frames.push(`    at ${name === undefined ? place : `${name} (${place})`}`);
  }
  return frames.join('\n');
}
