// Each anomaly in words. A click takes every pane to its operations; a cycle of transactions is drawn, with its proof; a
// key that is not linearizable shows how far an order goes and what fits nowhere.

let findings = [];
let current = -1;

const MOST_FINDINGS = 60;
const SHOWN_AT_FIRST = 3;
const UNJUDGED = 'Could not be judged';
const NAMES = {
  G0: 'write cycle', G1a: 'aborted read', G1b: 'intermediate read', G1c: 'circular information flow', 'G-single-item': 'read skew', 'G-nonadjacent-item': 'nonadjacent anti-dependencies',
  'G2-item': 'write skew', 'lost-update': 'lost update', internal: 'internal inconsistency', 'incompatible-order': 'incompatible order', 'dirty-update': 'dirty update',
};
const KIND_OF = [
  [/^the test cannot begin/, () => 'Could not begin'], [/^node \S+ died/, () => 'Node died'], [/^only \d+ of \d+ requests/, () => 'Not available enough'], [/^element .* missing|^element .* no read at all/, () => 'Lost element'],
  [/^id .* handed out/, () => 'Duplicate id'], [/every order of the operations before it/, () => 'Not linearizable'], [/^the echo of/, () => 'Wrong echo'], [/^the final read/, () => 'Impossible sum'],
  [/^`\w+` of process/, () => 'Exception'],
  [/^([A-Za-z][\w-]*): /, ([, name]) => { const plain = NAMES[name.replace(/-(process|realtime)$/, '')]; return plain ? `${plain} (${name})` : name; }],
];

function readFindings() {
  const { violations = [], unjudged = [], warnings = [], errors = {}, workload } = run.results, answered = errors.findings ?? [];
  const isValid = run.results['valid?'] === true;
  const open = unjudged.map(finding => ({ ...readFinding(finding, true), kind: UNJUDGED }));
  const refusals = answered.map(finding => ({ ...readFinding(finding, isValid), kind: 'Errors answered' }));
  const found = [...violations.map(finding => readFinding(finding, false)), ...open, ...refusals, ...warnings.map(finding => readFinding(finding, true))];
  const told = new Set();
  for (const finding of found) { finding.evidence = evidenceFor(finding, workload, told); }
  for (const [type, cases] of Object.entries(workload.anomalies ?? {})) {
    for (const evidence of cases) {
      if (told.has(evidence) || !evidence.cycle || found.length >= MOST_FINDINGS) continue;
      const text = `${type}: no order fits operations ${evidence.cycle.join(', ')}`;
      const involved = evidence.cycle.map((op, n) => ({ 'op-index': op, role: `T${n + 1}` }));
      found.push({ ...readFinding({ text, involved, 'op-index': evidence.cycle[0] }, false), evidence });
    }
  }
  findings = [...found.filter(finding => !finding.isWarning), ...found.filter(finding => finding.isWarning)];
}

function readFinding({ text, 'op-index': index, 'time-ns': time, involved = [], details = [] }, isWarning) {
  const { ops } = run, named = involved.length ? involved : index === undefined ? [] : [{ 'op-index': index, role: 'here' }];
  const parts = named.filter(part => ops.rowOf.has(part['op-index'])).map((part, n) => {
    const row = ops.rowOf.get(part['op-index']), isEnd = ops.done[row] === part['op-index'];
    return { number: n + 1, role: part.role, index: part['op-index'], row, time: isEnd ? ops.completed[row] : ops.invoked[row] };
  });
  const [pattern, name] = KIND_OF.find(([pattern]) => pattern.test(text)) ?? [];
  return {
    text, isWarning, parts, details, rows: [...new Set(parts.map(part => part.row))], kind: pattern ? name(text.match(pattern)) : isWarning ? 'Warning' : 'Violation',
    time: time !== undefined ? time / 1e6 : parts.length ? parts[parts.length - 1].time : null,
  };
}

// What the checker's result has on a finding: a cycle, or a key's failure.
function evidenceFor(finding, workload, told) {
  const indices = finding.parts.map(part => part.index).join(), type = finding.text.split(':')[0];
  for (const evidence of [...(workload.anomalies?.[type] ?? []), ...(workload[type]?.errs?.filter?.(Boolean) ?? [])]) {
    if (evidence.cycle && evidence.steps && evidence.cycle.join() === indices) { told.add(evidence); return evidence; }
  }
  for (const { linearizable } of Object.values(workload.results ?? {})) {
    if (linearizable?.explanation === finding.text) return linearizable;
  }
  return null;
}

function showAnomalies() {
  const list = $('#anomalies'), violations = findings.filter(finding => !finding.isWarning).length, warnings = findings.length - violations;
  const counts = [violations ? counted(violations, 'violation') : '', warnings ? counted(warnings, 'warning') : ''].filter(Boolean).join(', ');
  $('h2', list).append(make('span', { class: 'count' }, counts));
  if (!findings.length) list.append(make('p', { class: 'none' }, 'None found.'));
  findings.forEach((finding, n) => {
    finding.card = make('article', { class: `finding${finding.isWarning ? ' warning' : ''}`, 'data-finding': n },
      make('button', { type: 'button', onclick: () => showFinding(n), 'aria-expanded': 'false' }, make('span', { class: 'kind' }, finding.kind), make('span', { class: 'text' }, textOf(finding))),
      make('div', { class: 'more' }, ...explanation(finding)));
    list.append(finding.card);
  });
  const others = findings.slice(SHOWN_AT_FIRST).map(finding => finding.card);
  if (others.length > 1) {
    for (const card of others) card.hidden = true;
    list.append(make('button', { type: 'button', class: 'all', onclick: showAllFindings }, `Show ${others.length} more`));
  }
  const { workload } = run.results, told = findings.filter(finding => finding.kind === 'Lost element').length;
  if (workload['lost-count'] > told) list.append(make('p', { class: 'none' }, `Lost in all: ${workload['lost-count'].toLocaleString('en')}. ${clipped(workload.lost.join(', '), 160)}`));
}

function showAllFindings() {
  for (const { card } of findings) card.hidden = false;
  $('#anomalies .all')?.remove();
}

// The name stands above already.
const textOf = finding => finding.kind.includes(finding.text.split(':')[0]) && finding.text.includes(': ') ? finding.text.slice(finding.text.indexOf(': ') + 2) : finding.text;

function explanation(finding) {
  const { evidence, parts, details } = finding, content = [];
  if (details.length) content.push(make('pre', { class: 'proof' }, details.join('\n')));
  if (evidence?.steps) content.push(cycleGraph(evidence, parts));
  if (parts.length) {
    content.push(make('ol', { class: 'parts' }, ...parts.map(part => make('li', {}, make('button', { type: 'button', onclick: () => showPart(finding, part), title: 'Show it' },
      make('span', { class: 'pin' }, String(part.number)), make('span', {}, `${part.role}, ${seconds(part.time)}`, make('span', { class: 'op' }, `process ${run.ops.process[part.row]}: ${shortOp(part.row, 60)}`)))))));
  }
  if (evidence?.steps) content.push(make('pre', { class: 'proof' }, evidence.explanation));
  if (evidence?.['final-paths']) content.push(...linearization(evidence));
  return content;
}

function linearization(evidence) {
  const previous = evidence['previous-ok'], content = [];
  content.push(make('h3', {}, 'Longest linearizable prefix'), make('p', {}, previous ? `Everything up to operation ${previous.index}, at ${seconds(previous.time / 1e6)}.` : 'Nothing: it is the first operation on its key.'));
  const paths = evidence['final-paths'].slice(0, 4);
  if (paths.length) content.push(make('h3', {}, `Ways on from there, each into a contradiction${evidence['final-paths'].length > paths.length ? ` (${paths.length} of ${evidence['final-paths'].length})` : ''}`));
  for (const path of paths) {
    content.push(make('ol', { class: 'path' }, ...path.flatMap(({ op, model }) => {
      if (model.msg !== undefined) return [make('li', { class: 'wrong', title: op ? `operation ${op.index}` : '' }, `✗ ${model.msg}`)];
      const state = make('li', { class: 'state', title: 'what the register holds then' }, JSON.stringify(model.value));
      return op ? [make('li', { title: `operation ${op.index}, process ${op.process}` }, `${op.f} ${JSON.stringify(op.value?.[1] ?? op.value)}`), state] : [state];
    })));
  }
  return content;
}

// Shows a finding and takes all panes there; -1 puts it away.
function showFinding(n) {
  if (current >= 0) { findings[current].card.removeAttribute('aria-current'); $('button', findings[current].card).setAttribute('aria-expanded', 'false'); }
  current = n;
  marks = [];
  if (n < 0) return;
  const finding = findings[n], { ops } = run;
  if (finding.card.hidden) showAllFindings();
  finding.card.setAttribute('aria-current', 'true');
  $('button', finding.card).setAttribute('aria-expanded', 'true');
  finding.card.scrollIntoView({ block: 'nearest' });
  marks = finding.parts;
  select({ kind: 'finding', id: n });
  if (finding.rows.length) {
    const times = finding.rows.flatMap(row => [ops.invoked[row], endOfOp(row)]);
    const from = Math.min(...times), to = Math.max(...times), room = Math.max((to - from) * 0.3, roomFor(finding.rows));
    show(from - room, to + room);
  } else if (finding.time !== null) show(finding.time - 500, finding.time + 500);
}

// As much time as a handful of operations take around here, so that one that takes none is seen among its neighbours.
function roomFor(rows) {
  const { ops } = run, around = 6, first = Math.max(0, Math.min(...rows) - around), last = Math.min(ops.count - 1, Math.max(...rows) + around);
  const gaps = (ops.invoked[last] - ops.invoked[first]) / Math.max(1, last - first);
  return Math.max(1, gaps * around * 0.5);
}

function showPart(finding, part) {
  const { ops } = run, room = Math.max(roomFor([part.row]), ops.outcome[part.row] === OPEN ? 0 : ops.latency(part.row));
  show(part.time - room, part.time + room);
}

function stepFinding(by) {
  if (!findings.length) return;
  showFinding(current < 0 ? (by > 0 ? 0 : findings.length - 1) : (current + by + findings.length) % findings.length);
}

// A cycle as a small graph: the transactions on a ring, an arrow for each step.

const svg = (tag, attributes = {}, ...children) => {
  const element = document.createElementNS('http://www.w3.org/2000/svg', tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  element.append(...children);
  return element;
};

function cycleGraph({ cycle, steps }, parts) {
  const count = cycle.length, width = 330, tall = count === 2 ? 120 : count < 5 ? 200 : 250, middle = [width / 2, tall / 2], reach = [width / 2 - 62, tall / 2 - 28];
  const places = cycle.map((_, n) => { const angle = (count === 2 ? Math.PI : -Math.PI / 2) + n * 2 * Math.PI / count; return [middle[0] + reach[0] * Math.cos(angle), middle[1] + (count === 2 ? 0 : reach[1] * Math.sin(angle))]; });
  const graph = svg('svg', { class: 'cycle', viewBox: `0 0 ${width} ${tall}`, role: 'img', 'aria-label': cycle.map((op, n) => `T${n + 1} (operation ${op}) precedes T${(n + 1) % count + 1} by ${steps[n].type}`).join('; ') });
  const labels = [];
  steps.forEach((step, n) => {
    const [a, b] = [places[n], places[(n + 1) % count]], bend = count === 2 ? 33 : 16, length = Math.hypot(b[0] - a[0], b[1] - a[1]);
    const normal = [(b[1] - a[1]) / length, -(b[0] - a[0]) / length], control = [(a[0] + b[0]) / 2 + normal[0] * bend * (count === 2 ? 2 : 1), (a[1] + b[1]) / 2 + normal[1] * bend * (count === 2 ? 2 : 1)];
    const from = clipToBox(a, control), to = clipToBox(b, control), angle = Math.atan2(to[1] - control[1], to[0] - control[0]);
    const tip = [0.42, -0.42].map(turn => [to[0] - 9 * Math.cos(angle + turn), to[1] - 9 * Math.sin(angle + turn)]);
    const at = [(from[0] + 2 * control[0] + to[0]) / 4, (from[1] + 2 * control[1] + to[1]) / 4], key = step.key === undefined ? '' : ` ${JSON.stringify(step.key)}`;
    const text = clipped(step.type + key, 14), wide = text.length * 6.6 + 12;
    graph.append(svg('g', { class: step.type }, svg('path', { d: `M${from} Q${control} ${to}` }), svg('path', { d: `M${tip[0]} L${to} L${tip[1]}` })));
    labels.push(svg('g', { class: `label ${step.type}` }, svg('rect', { x: at[0] - wide / 2, y: at[1] - 10, width: wide, height: 20, rx: 10 }), svg('text', { x: at[0], y: at[1] + 4 }, text)));
  });
  cycle.forEach((op, n) => {
    const [x, y] = places[n], row = parts[n]?.row;
    const node = svg('g', { class: 'node' }, svg('rect', { x: x - 50, y: y - 20, width: 100, height: 40, rx: 8 }), svg('text', { x, y: y - 2 }, `T${n + 1}`), svg('text', { class: 'small', x, y: y + 13 }, `op ${op}${row === undefined ? '' : ` · p${run.ops.process[row]}`}`));
    graph.append(node);
  });
  graph.append(...labels);
  return graph;
}

// Where the way from the middle of a box to a point leaves the box.
function clipToBox([x, y], [towardX, towardY]) {
  const dx = towardX - x, dy = towardY - y, factor = Math.min(52 / Math.abs(dx || 1e-9), 22 / Math.abs(dy || 1e-9));
  return [x + dx * Math.min(1, factor), y + dy * Math.min(1, factor)];
}
