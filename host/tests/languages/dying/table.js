// The second module, so that places in two files have to be told.

export function lookUp(key) {
  const row = { key };
  return row.key === key ? nxt(row) : row;
}
