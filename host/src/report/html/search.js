// One search over operations, messages and logs; the hits in order of time, one after the other.

const MOST_HITS = 20000;
const search = { text: '', hits: [], at: -1 };

function findAll(text) {
  const { ops, messages, logs } = run, hits = [];
  const seen = new Set();
  for (const n of ops.texts.find(text, MOST_HITS)) {
    const o = n / 3 | 0;
    if (!seen.has(o)) { seen.add(o); hits.push({ kind: 'op', id: o, time: ops.invoked[o] }); }
  }
  const types = run.types.map(type => type.includes(text)), found = new Set(messages.bodies.find(text, MOST_HITS));
  if (types.some(Boolean)) for (let m = 0; m < messages.count && found.size < MOST_HITS; m++) if (types[messages.type[m]]) found.add(m);
  for (const m of found) if (passes(m)) hits.push({ kind: 'message', id: m, time: messages.sent[m] });
  for (const l of logs.texts.find(text, MOST_HITS)) hits.push({ kind: 'log', id: l, time: logs.time[l] });
  return hits.sort((a, b) => a.time - b.time);
}

function searchFor(text, by) {
  if (!text) { search.text = ''; search.hits = []; search.at = -1; return tellHits(); }
  if (text !== search.text) {
    Object.assign(search, { text, hits: findAll(text) });
    // Begin where one is looking.
    const first = search.hits.findIndex(hit => hit.time >= view.from);
    search.at = first < 0 ? 0 : first;
  } else if (search.hits.length) search.at = (search.at + by + search.hits.length) % search.hits.length;
  const hit = search.hits[search.at];
  if (hit) { select({ kind: hit.kind, id: hit.id }); approach(hit.time); }
  tellHits();
}
function tellHits() {
  $('#search output').textContent = !search.text ? '' : search.hits.length ? `${search.at + 1}/${search.hits.length}` : 'none';
}
