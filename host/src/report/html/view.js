// What all panes share: the span of time that is shown, what is selected, the filter, the colours, and the canvas a pane
// draws on. A pane says what it draws and what lies under a point; the rest is here.

let run;
const view = { from: 0, to: 1, least: 0, most: 1 };
const LEFT = 104, RIGHT = 18;   // a scroll bar has room on the right
const filter = { node: -1, type: -1, key: '', setUp: false, hits: null };
let selection = null;           // { kind: 'message' | 'op' | 'log' | 'finding', id }
let related = null;             // what belongs to the selection: see relate()
let marks = [];                 // numbered moments of the finding in hand
const panes = [];
let isPrinting = false;

const $ = (selector, within = document) => within.querySelector(selector);
function make(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith('on')) element.addEventListener(name.slice(2), value);
    else if (name === 'class') element.className = value;
    else if (value !== null && value !== undefined) element.setAttribute(name, value);
  }
  element.append(...children.filter(child => child !== null && child !== undefined));
  return element;
}

// Numbers and times, as people write them.
const counted = (count, one, many = one + 's') => `${count.toLocaleString('en')} ${count === 1 ? one : many}`;
// Cut, not rounded, as everywhere in the host.
const seconds = ms => `${(Math.trunc(ms + Math.sign(ms) * 1e-6) / 1000).toFixed(3)} s`;
function duration(ms) {
  if (ms >= 10000) return `${(ms / 1000).toFixed(1)} s`;
  if (ms >= 1000) return `${(ms / 1000).toFixed(2)} s`;
  if (ms >= 1) return `${+ms.toFixed(ms < 10 ? 2 : 1)} ms`;
  return ms === 0 ? '0 ms' : ms >= 0.001 ? `${+(ms * 1000).toFixed(1)} µs` : `${Math.round(ms * 1e6)} ns`;
}
const clipped = (text, most) => text.length > most ? text.slice(0, most - 1) + '…' : text;

const colours = {};
function takeColours() {
  const style = getComputedStyle(document.documentElement);
  for (const name of ['page', 'panel', 'ink', 'muted', 'line', 'grid', 'focus', 'good', 'bad', 'unsure', 'ok', 'info', 'fail', 'ok-ink', 'info-ink',
    'fail-ink', 'client', 'server', 'service', 'error', 'lost', 'past', 'future', 'fault-a', 'fault-b', 'fault-c', 'fault-d', 'mark', 'mark-ink',
    'sans', 'mono']) colours[name] = style.getPropertyValue('--' + name).trim();
}
const outcomeName = ['never completed', 'ok', 'fail', 'info'];
const outcomeFill = outcome => colours[['info', 'ok', 'fail', 'info'][outcome]];
const outcomeInk = outcome => colours[['info-ink', 'ok-ink', 'fail-ink', 'info-ink'][outcome]];
const KINDS = ['server', 'client', 'service', 'error'];

// Time

function show(from, to) {
  const span = Math.min(Math.max(to - from, 1e-5), view.most - view.least);
  const middle = (from + to) / 2;
  view.from = Math.min(Math.max(middle - span / 2, view.least), view.most - span);
  view.to = view.from + span;
  draw();
}
const showAll = () => show(view.least, view.most);
function zoom(factor, at = (view.from + view.to) / 2) { show(at - (at - view.from) * factor, at + (view.to - at) * factor); }
function pan(fraction) { const by = (view.to - view.from) * fraction; show(view.from + by, view.to + by); }
// Brings a moment into sight without zooming.
function approach(time) {
  if (time < view.from || time > view.to) { const half = (view.to - view.from) / 2; show(time - half, time + half); } else draw();
}
const scale = width => ({
  x: time => LEFT + (time - view.from) / (view.to - view.from) * (width - LEFT - RIGHT),
  time: x => view.from + (x - LEFT) / (width - LEFT - RIGHT) * (view.to - view.from),
  perPixel: (view.to - view.from) / (width - LEFT - RIGHT),
});
// A step of 1, 2 or 5 times a power of ten that makes at most so many of a span.
function niceStep(span, most) {
  const rough = span / most, power = 10 ** Math.floor(Math.log10(rough));
  return power * [1, 2, 5, 10].find(step => step * power >= rough);
}

// One for all, so that a moment is at the same place in each.
const widthOfPanes = () => $('#panes').clientWidth;

let isPlanned = false;
function draw() {
  if (isPlanned) return;
  isPlanned = true;
  requestAnimationFrame(drawNow);
}
function drawNow() {
  isPlanned = false;
  for (const pane of panes) pane.redraw();
  $('#range').textContent = `${seconds(view.from)} to ${seconds(view.to)} (${duration(view.to - view.from)})`;
}

// A canvas at the screen's own resolution; drawing is in CSS pixels.
function fit(canvas, width, height) {
  const ratio = devicePixelRatio || 1, w = Math.round(width * ratio), h = Math.round(height * ratio);
  if (canvas.width !== w || canvas.height !== h) { canvas.width = w; canvas.height = h; }
  const context = canvas.getContext('2d');
  context.setTransform(ratio, 0, 0, ratio, 0, 0);
  context.clearRect(0, 0, width, height);
  return context;
}

class Pane {
  // `content` is the height of all there is; the pane scrolls if that is more than `height`.
  constructor(name, title, { height, content = () => height, paint, under, about, step, legend = [] }) {
    Object.assign(this, { name, title, height, content, paint, under, about, step });
    this.status = make('span', { class: 'status' });
    this.canvas = make('canvas', { tabindex: 0, role: 'img', 'aria-label': title, 'data-pane': name });
    this.scroll = make('div', { class: 'scroll' }, this.canvas);
    this.filler = make('div');
    this.scroll.append(this.filler);
    this.legend = make('div', { class: 'legend' });
    this.setLegend(legend);
    const header = make('header', {}, make('h2', {}, title), this.status, this.legend);
    this.section = make('section', { class: 'pane', id: 'pane-' + name }, header, this.scroll);
    $('#panes').append(this.section);
    this.scroll.addEventListener('scroll', draw);
    this.canvas.style.height = Math.min(height, content()) + 'px';
    handle(this.canvas, this);
    panes.push(this);
  }
  setLegend(items) {
    this.legend.replaceChildren(...items.map(([text, colour, shape = '']) => {
      const swatch = make('i', { class: shape });
      if (shape === 'none') return make('span', {}, text);
      if (shape === 'box' || shape === 'dot') swatch.style.background = `var(--${colour})`; else swatch.style.borderTopColor = `var(--${colour})`;
      return make('span', {}, swatch, text);
    }));
  }
  isInSight() {
    const { top, bottom } = this.section.getBoundingClientRect();
    return isPrinting || (bottom > 0 && top < innerHeight);
  }
  redraw() {
    if (!this.isInSight()) return;
    const width = widthOfPanes(), all = this.content(), height = Math.min(this.height, all);
    this.scroll.style.maxHeight = height + 'px';
    this.canvas.style.width = width + 'px';
    this.canvas.style.height = height + 'px';
    this.filler.style.height = Math.max(0, all - height) + 'px';
    const context = fit(this.canvas, width, height), area = { width, height, top: this.scroll.scrollTop, ...scale(width) };
    paintBands(context, area);
    context.save();
    const status = this.paint(context, area) ?? '';
    context.restore();
    paintMarks(context, area);
    this.status.textContent = status;
    this.canvas.setAttribute('aria-label', `${this.title}: ${status}`);
    this.area = area;
  }
}

// The line under the pointer is an element of its own: it moves without a pane being drawn again.
function pointAt(x) {
  const line = $('#pointer'), panes = $('#panes').getBoundingClientRect();
  line.hidden = x === null || x - panes.left < LEFT;
  line.style.left = x + 'px';
  line.style.top = panes.top + 'px';
}

// The pointer: drag to move, wheel to zoom or move, click to select, hover to be told.
function handle(canvas, pane) {
  let held = null;
  const place = event => { const box = canvas.getBoundingClientRect(); return [event.clientX - box.left, event.clientY - box.top]; };
  canvas.addEventListener('pointerdown', event => {
    if (event.button) return;
    const [x] = place(event);
    held = { x, from: view.from, to: view.to, moved: false };
    canvas.setPointerCapture(event.pointerId);
  });
  canvas.addEventListener('pointermove', event => {
    const [x, y] = place(event);
    if (held) {
      const by = (held.x - x) * pane.area.perPixel;
      held.moved ||= Math.abs(held.x - x) > 3;
      if (held.moved) { hideTip(); show(held.from + by, held.to + by); }
      return;
    }
    pointAt(event.clientX);
    const found = x >= LEFT ? pane.under?.(x, y, pane.area) : null;
    if (found) showTip(event, pane.about(found)); else hideTip();
    canvas.style.cursor = found ? 'pointer' : '';
  });
  canvas.addEventListener('pointerup', event => {
    const [x, y] = place(event), wasClick = held && !held.moved;
    held = null;
    if (wasClick && x >= LEFT) select(pane.under?.(x, y, pane.area) ?? null);
  });
  canvas.addEventListener('pointerleave', () => { pointAt(null); hideTip(); });
  canvas.addEventListener('dblclick', event => zoom(0.25, pane.area.time(place(event)[0])));
  canvas.addEventListener('wheel', event => wheel(event, pane.area.time(place(event)[0])), { passive: false });
}
function wheel(event, at) {
  if (event.ctrlKey || event.metaKey || event.altKey) {
    event.preventDefault();
    zoom(Math.exp(Math.max(-1, Math.min(1, event.deltaY / 200))), at);
  } else if (event.shiftKey || Math.abs(event.deltaX) > Math.abs(event.deltaY)) {
    event.preventDefault();
    pan((event.deltaX || event.deltaY) / 1000);
  }
}

function showTip(event, [title, ...lines]) {
  const tip = $('#tip'), code = lines.pop();
  tip.replaceChildren(make('b', {}, title), ...lines.map(line => make('span', {}, line)), code ? make('code', {}, clipped(code, 700)) : '');
  tip.hidden = false;
  const box = tip.getBoundingClientRect();
  tip.style.left = Math.min(event.clientX + 14, innerWidth - box.width - 8) + 'px';
  tip.style.top = (event.clientY + 18 + box.height > innerHeight ? event.clientY - box.height - 12 : event.clientY + 18) + 'px';
}
function hideTip() { $('#tip').hidden = true; }

// Selection and what belongs to it

function select(next) {
  if (next?.kind !== 'finding') showFinding(-1);
  selection = next;
  related = next ? relate(next) : null;
  setMessageLegend();
  showDetail();
  draw();
}

// For each message: 0 nothing, 1 before, 2 after, 3 the thing itself. Happens-before is Lamport's: along the line of each
// participant, and from a message's sending to its receipt.
function relate({ kind, id }) {
  const { messages } = run, of = new Uint8Array(messages.count), related = { of, since: new Map(), until: new Map(), ops: new Set() };
  if (kind === 'message') {
    pastOf(messages.sendEvent[id], messages.src[id], 0, related, (m) => { of[m] = 1; });
    if (messages.fate[id] === RECEIVED) futureOf(messages.endEvent[id], messages.dest[id], run.events.count, related, (m) => { of[m] = 2; });
    of[id] = 3;
    if (messages.op[id] >= 0) related.ops.add(messages.op[id]);
    return related;
  }
  const ops = kind === 'op' ? [id] : kind === 'finding' ? findings[id].rows : [];
  if (!ops.length) return null;
  for (const op of ops) {
    related.ops.add(op);
    const own = run.ops.messages[op];
    if (!own) continue;
    const first = own[0], last = own[own.length - 1];
    // What lies between request and reply: everything after the one and before the other.
    if (messages.fate[first] === RECEIVED && messages.dest[last] === messages.src[first]) {
      const begin = messages.endEvent[first], end = messages.sendEvent[last], after = new Set();
      futureOf(begin, messages.dest[first], end, null, m => after.add(m));
      pastOf(end, messages.src[last], begin, null, m => { if (after.has(m)) of[m] = Math.max(of[m], 2); });
    }
    for (const m of own) of[m] = 3;
  }
  return related;
}
function futureOf(begin, participant, end, related, visit) {
  const { events, messages } = run, touched = new Int32Array(run.names.length).fill(-1), carried = new Uint8Array(messages.count);
  touched[participant] = begin;
  for (let e = begin + 1; e < end; e++) {
    const m = events.message[e];
    if (events.kind[e] === 0) {
      if (touched[messages.src[m]] >= 0) { carried[m] = 1; visit(m); }
    } else if (events.kind[e] === 1 && carried[m] && touched[messages.dest[m]] < 0) touched[messages.dest[m]] = e;
  }
  if (related) touched.forEach((e, name) => { if (e >= 0) related.since.set(name, events.time[e]); });
}
function pastOf(end, participant, begin, related, visit) {
  const { events, messages } = run, touched = new Int32Array(run.names.length).fill(-1), wanted = new Uint8Array(messages.count);
  touched[participant] = end;
  for (let e = end - 1; e >= begin; e--) {
    const m = events.message[e];
    if (events.kind[e] === 1 && touched[messages.dest[m]] >= 0) { wanted[m] = 1; visit(m); }
    else if (events.kind[e] === 0 && wanted[m] && touched[messages.src[m]] < 0) touched[messages.src[m]] = e;
  }
  if (related) touched.forEach((e, name) => { if (e >= 0) related.until.set(name, events.time[e]); });
}

// The filter

function passes(m) {
  if (run.messages.setUp[m] && !filter.setUp) return false;
  if (filter.node >= 0 && run.messages.src[m] !== filter.node && run.messages.dest[m] !== filter.node) return false;
  if (filter.type >= 0 && run.messages.type[m] !== filter.type) return false;
  return !filter.hits || filter.hits.messages[m] === 1;
}
const opPasses = o => (filter.node < 0 || run.names[filter.node] === nodeOfOp(o)) && (!filter.hits || filter.hits.ops[o] === 1);
const nodeOfOp = o => run.about.nodes[run.ops.process[o] % run.about.concurrency % run.about.nodes.length];

// A key in any of the forms the workloads give it: `"key": 5`, `[5, …]` as a register's operation, `["r", 5, …]` in a
// transaction, `"5": …` in a map of logs.
function filterByKey(key) {
  filter.hits = null;
  filter.key = key;
  if (!key) return;
  const quoted = key.replace(/[.*+?^${}()|[\]\\]/g, '\\$&'), value = `"?${quoted}"?`;
  const pattern = new RegExp(`"key":${value}[,}]|^\\[${value},|\\["(?:r|w|append|send|poll)",${value},|"${quoted}":`);
  const { messages, ops } = run;
  filter.hits = { messages: new Uint8Array(messages.count), ops: new Uint8Array(ops.count) };
  for (let m = 0; m < messages.count; m++) filter.hits.messages[m] = pattern.test(messages.bodies.raw(m)) ? 1 : 0;
  for (let o = 0; o < ops.count; o++) {
    filter.hits.ops[o] = pattern.test(ops.texts.raw(3 * o)) || pattern.test(ops.texts.raw(3 * o + 1)) ? 1 : 0;
    // A reply does not name its key: it belongs to its request.
    if (filter.hits.ops[o]) for (const m of ops.messages[o] ?? []) filter.hits.messages[m] = 1;
  }
}
