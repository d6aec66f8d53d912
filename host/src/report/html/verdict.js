// The verdict in one glance: what was checked, the figures people compare, and how to see it again. And the particulars
// of what is selected.

const VERDICTS = {
  true: ['valid', 'VALID', 'Everything looks good! ヽ(‘ー`)ノ'],
  false: ['invalid', 'INVALID', 'Analysis invalid! (ﾉಥ益ಥ）ﾉ ┻━┻'],
  unknown: ['unknown', 'UNKNOWN', 'Errors occurred during analysis, but no anomalies found. ಠ~ಠ'],
};
const verdictOf = value => VERDICTS[String(value)] ?? VERDICTS.unknown;

function promise(workload, options) {
  if (workload.startsWith('txn')) return `transactions are ${options['consistency-models'] ?? 'strict-serializable'} (Elle)`;
  return {
    broadcast: 'no acknowledged value is missing from the latest reads (set-full)', 'g-set': 'no acknowledged element is missing from the latest reads (set-full)',
    'lin-kv': 'every key is linearizable (Knossos)', kafka: 'logs lose, reorder and repeat nothing (kafka)', 'unique-ids': 'no id is handed out twice',
    echo: 'every echo is what was sent', 'g-counter': 'every final read is a possible sum', 'pn-counter': 'every final read is a possible sum',
  }[workload] ?? 'the workload’s own checker';
}

function showVerdict() {
  const { results, about } = run, [name, word, lastWords] = verdictOf(results['valid?']);
  $('#verdict').className = name;
  $('#verdict').textContent = word;
  $('#headline h1').textContent = `${about.workload} · ${about.subject} on ${counted(about.nodes.length, 'node')} · ${duration(run.end - run.begin)} · seed ${about.seed}`;
  $('#headline p').textContent = name !== 'valid' && findings.length && (!findings[0].isWarning || findings[0].kind === UNJUDGED) ? findings[0].text : lastWords;
  document.title = `${about.workload}: ${word.toLowerCase()}`;
  showFigures(results);
  showRun(about);
}

function showFigures({ stats, availability, net, perf, workload, nodes, 'valid?': valid }) {
  const tile = (name, figure, small) => make('div', {}, make('dt', {}, name), make('dd', {}, figure, small ? make('small', {}, ` ${small}`) : null));
  const others = [[stats['fail-count'], 'failed'], [stats['info-count'], 'unknown']].filter(([count]) => count).map(([count, what]) => `${count.toLocaleString('en')} ${what}`);
  const tiles = [
    tile('operations', stats.count.toLocaleString('en'), others.join(', ') || 'all ok'),
    tile('availability', `${+(availability['ok-fraction'] * 100).toFixed(2)} %`),
    tile('messages', net.all['msg-count'].toLocaleString('en'), `${net.servers['msg-count'].toLocaleString('en')} between servers`),
    tile('messages per op', (net.servers['msgs-per-op'] ?? 0).toFixed(2), 'between servers'),
  ];
  const stable = workload['stable-latencies'];
  if (stable) tiles.push(tile('stable latency', `${stable['0.5']} ms`, `median, max ${stable['1']} ms`));
  if (workload['lost-count'] !== undefined) tiles.push(tile('lost', workload['lost-count'].toLocaleString('en'), `of ${workload['attempt-count'].toLocaleString('en')}`));
  const latencies = Object.entries(perf.latencies);
  const table = latencies.length ? make('table', {},
    make('tr', {}, ...['latency in ms', 'median', '95 %', '99 %', 'max'].map(name => make('th', {}, name))),
    ...latencies.map(([f, quantiles]) => make('tr', {}, make('td', {}, f), ...['0.5', '0.95', '0.99', '1'].map(q => make('td', {}, quantiles[q].toFixed(1)))))) : null;
  const parts = [
    [workload['valid?'], promise(run.about.workload, run.about.options)], [nodes['valid?'], 'no node died'],
    [availability['valid?'], 'as many requests succeeded as must'], [stats['valid?'], 'every kind of operation succeeded sometimes'],
  ];
  const checks = make('ul', { class: 'checks', 'aria-label': 'What was checked' }, ...parts.map(([valid, what]) => {
    const [name, word] = verdictOf(valid);
    return make('li', { class: name }, make('span', { class: 'mark', 'aria-label': word.toLowerCase() }, { valid: '✓', invalid: '✗', unknown: '?' }[name]), what);
  }));
  $('#figures').append(make('dl', { class: 'tiles' }, ...tiles), table ?? '', checks);
}

function showRun(about) {
  const copy = make('button', { type: 'button', 'aria-label': 'Copy the command' }, 'Copy');
  copy.addEventListener('click', async () => {
    copy.textContent = await copied(about.replay) ? 'Copied' : 'Select it';
    setTimeout(() => { copy.textContent = 'Copy'; }, 1500);
  });
  const options = Object.entries({ nodes: about.nodes.length > 8 ? `${about.nodes.length}: ${about.nodes[0]} to ${about.nodes.at(-1)}` : about.nodes.join(' '), concurrency: about.concurrency, ...about.options });
  $('#run').append(
    make('p', { class: 'note', style: 'margin:0 0 4px' }, 'The same again:'), make('div', { class: 'command' }, about.replay, copy),
    make('dl', { class: 'options' }, make('dt', {}, 'seed'), make('dd', { id: 'seed' }, String(about.seed)), ...options.flatMap(([name, value]) => [make('dt', {}, name), make('dd', {}, String(value))])),
    ...run.notes.map(note => make('p', { class: 'note' }, note)));
}

async function copied(text) {
  try { await navigator.clipboard.writeText(text); return true; } catch { /* a file:// page may have no clipboard */ }
  const area = make('textarea', {}, text);
  document.body.append(area);
  area.select();
  const done = document.execCommand('copy');
  area.remove();
  return done;
}

// What is selected

const pretty = text => { try { return JSON.stringify(JSON.parse(text), null, 2); } catch { return text; } };
// On one line if it is short, indented if not; numbers stay as they are written.
const laidOut = text => text.length <= 120 || text.length > 20000 || /\d{16}/.test(text) ? text : pretty(text);

function facts(pairs) {
  return make('dl', { class: 'options' }, ...pairs.filter(([, value]) => value !== null && value !== '').flatMap(([name, value]) => [make('dt', {}, name), make('dd', {}, value)]));
}
const link = (text, then) => make('button', { type: 'button', onclick: then }, text);

function showDetail() {
  const detail = $('#detail'), content = selection && { message: aboutMessage, op: aboutOp, log: aboutLog }[selection.kind]?.(selection.id);
  detail.hidden = !content;
  if (!content) return;
  const [title, ...parts] = content;
  detail.replaceChildren(make('h2', {}, title, make('button', { class: 'close', type: 'button', 'aria-label': 'Close', onclick: () => select(null) }, '×')), ...parts.filter(Boolean));
  detail.scrollTop = 0;
}

function aboutMessage(m) {
  const { messages } = run, op = messages.op[m];
  const [past, future] = [1, 2].map(which => related.of.reduce((sum, of) => sum + (of === which ? 1 : 0), 0));
  return [titleOf(m), facts([
    ['sent', seconds(messages.sent[m])], ['then', fateOf(m)], ['causal past', counted(past, 'message')], ['causal future', counted(future, 'message')],
    ['operation', op < 0 ? null : link(clipped(`process ${run.ops.process[op]}: ${shortOp(op, 40)}`, 44), () => select({ kind: 'op', id: op }))],
  ]), make('pre', {}, laidOut(messages.bodies.get(m)))];
}

function aboutOp(o) {
  const { ops } = run, own = ops.messages[o] ?? [];
  return [`${nameOfOp(o)} by process ${ops.process[o]}`, facts([
    ['invoked', `${seconds(ops.invoked[o])}, operation ${ops.index[o]}`],
    ['completed', ops.outcome[o] === OPEN ? 'never' : `${seconds(ops.completed[o])}, operation ${ops.done[o]}`], ['outcome', outcomeName[ops.outcome[o]]],
    ['latency', ops.outcome[o] === OPEN ? null : duration(ops.latency(o))], ['node', nodeOfOp(o)], ['error', ops.error(o)],
    ['messages', own.length ? link(`${own.length} of its own`, () => select({ kind: 'message', id: own[0] })) : null],
  ]), make('pre', {}, laidOut(ops.argument(o))), ops.outcome[o] === OK ? make('pre', {}, laidOut(ops.result(o))) : null];
}

function aboutLog(l) {
  const { logs } = run;
  return [`${run.about.nodes[logs.node[l]]} at ${seconds(logs.time[l])}`, make('pre', {}, logs.texts.get(l))];
}
