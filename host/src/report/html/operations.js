// What the clients did: a lane per process, a bar from invocation to completion. A process whose operation had no known
// outcome is followed by another one of the same worker, in the same lane.

function makeOperations() {
  const lanes = Math.min(run.about.concurrency, 1 + run.ops.process.reduce((most, process) => Math.max(most, process), 0));
  const tall = Math.min(22, Math.max(7, 330 / Math.max(lanes, 1)));
  run.lanes = { count: lanes, tall, top: 4 };
  return new Pane('operations', 'Operations', {
    height: 340, content: () => Math.max(40, lanes * tall + 10),
    paint: paintOps, under: opUnder, about: tellOp, step: stepOp,
    legend: [['ok', 'ok', 'box'], ['fail', 'fail', 'box'], ['info: outcome unknown', 'info', 'box']],
  });
}

const laneOf = o => run.ops.process[o] % run.about.concurrency;
const nameOfOp = o => `${run.functions[run.ops.f[o]]}`;
const endOfOp = o => Math.min(run.ops.completed[o], run.end);

// Operations in sight, in order of invocation. They are open for at most as long as the longest one.
function opsWithin(from, to, visit) {
  const { ops } = run;
  ops.longest ??= ops.completed.reduce((most, completed, o) => Math.max(most, Math.min(completed, run.end) - ops.invoked[o]), 0);
  for (let o = lower(ops.invoked, from - ops.longest), last = upper(ops.invoked, to); o < last; o++) if (endOfOp(o) >= from) visit(o);
}

function paintOps(context, area) {
  const { ops, lanes } = run, { x } = area, painted = new Float64Array(lanes.count * 4).fill(-Infinity), labelled = new Float64Array(lanes.count).fill(-Infinity);
  paintLanes(context, area);
  context.save();
  context.beginPath(); context.rect(LEFT, 0, area.width - LEFT - RIGHT, area.height); context.clip();
  context.textBaseline = 'middle'; context.font = `${Math.min(11, lanes.tall * 0.62)}px ${colours.sans}`;
  const counts = [0, 0, 0, 0], labels = [], isFaded = o => (related && !related.ops.has(o)) || !opPasses(o);
  opsWithin(view.from, view.to, o => {
    counts[ops.outcome[o]]++;
    const lane = laneOf(o), left = x(ops.invoked[o]), right = Math.max(x(endOfOp(o)), left + 2.5), own = related?.ops.has(o);
    const slot = lane * 4 + ops.outcome[o];
    if (right < painted[slot] + 1 && !own) return;
    painted[slot] = right;
    const y = lanes.top + lane * lanes.tall - area.top;
    if (y > area.height || y + lanes.tall < 0) return;
    context.globalAlpha = isFaded(o) ? 0.28 : 1;
    context.fillStyle = outcomeFill(ops.outcome[o]);
    const high = lanes.tall * (own ? 0.86 : 0.7), at = y + (lanes.tall - high) / 2;
    context.fillRect(left, at, right - left, high);
    if (ops.outcome[o] === OPEN) hatch(context, left, at, right - left, high);
    if (own) { context.strokeStyle = outcomeInk(ops.outcome[o]); context.lineWidth = 2; context.strokeRect(left - 1, at - 1, right - left + 2, high + 2); }
    labels.push([o, left, right, y + lanes.tall / 2, lane]);
  });
  context.globalAlpha = 1;
  if (lanes.tall >= 11 && labels.length <= 400) paintOpLabels(context, area, labels, labelled, isFaded);
  context.restore();
  const [open, ok, fail, info] = counts;
  return `${counted(ok + fail + info + open, 'operation')} in sight: ${ok.toLocaleString('en')} ok, ${fail.toLocaleString('en')} failed, ${(info + open).toLocaleString('en')} of unknown outcome`;
}

// Inside its bar, or behind it as far as the next one of the lane.
function paintOpLabels(context, area, labels, labelled, isFaded) {
  const next = new Map(), room = new Array(labels.length);
  for (let n = labels.length - 1; n >= 0; n--) {
    const [, left, , , lane] = labels[n];
    room[n] = (next.get(lane) ?? area.width) - left - 5;
    next.set(lane, left);
  }
  labels.forEach(([o, left, right, y, lane], n) => {
    if (left < labelled[lane]) return;
    const begin = Math.max(left, LEFT), inside = right - begin - 6, text = shortOp(o, Math.max(0, (Math.max(inside, room[n] - (right - left) - 3)) / 6.4 | 0));
    if (text.length < 4) return;
    const isInside = context.measureText(text).width <= inside;
    context.textAlign = 'left';
    context.globalAlpha = isFaded(o) ? 0.45 : 1;
    context.fillStyle = isInside ? '#0b1d33' : outcomeInk(run.ops.outcome[o]);
    const at = isInside ? begin + 4 : right + 4;
    context.fillText(text, at, y + 0.5);
    labelled[lane] = at + context.measureText(text).width;
  });
  context.globalAlpha = 1;
}

function hatch(context, left, top, width, height) {
  context.save();
  context.beginPath(); context.rect(left, top, width, height); context.clip();
  context.strokeStyle = colours.panel; context.lineWidth = 1.5;
  context.beginPath();
  for (let x = left - height; x < Math.min(left + width, 4000); x += 6) { context.moveTo(x, top + height); context.lineTo(x + height, top); }
  context.stroke();
  context.restore();
}

function paintLanes(context, area) {
  const { lanes } = run;
  context.textAlign = 'right'; context.textBaseline = 'middle';
  for (let lane = 0; lane < lanes.count; lane++) {
    const y = lanes.top + lane * lanes.tall - area.top;
    if (y < -lanes.tall || y > area.height) continue;
    context.fillStyle = colours.grid;
    context.fillRect(LEFT, Math.round(y + lanes.tall) - 1, area.width - LEFT - RIGHT, 1);
    if (lanes.tall < 10 && lane % 5) continue;
    context.font = `${Math.min(11.5, Math.max(9, lanes.tall * 0.62))}px ${colours.sans}`;
    context.fillStyle = colours.muted;
    const node = run.about.nodes[lane % run.about.nodes.length];
    context.fillText(`process ${processesOf(lane)}${run.about.nodes.length > 1 ? ` · ${clipped(node, 6)}` : ''}`, LEFT - 8, y + lanes.tall / 2);
  }
}

// The process that has the lane in the middle of what is shown, and whether it is one of several.
function processesOf(lane) {
  const { ops, about } = run;
  run.lanes.by ??= (() => {
    const by = Array.from({ length: run.lanes.count }, () => []);
    for (let o = 0; o < ops.count; o++) { const list = by[laneOf(o)]; if (list && (!list.length || list[list.length - 1][1] !== ops.process[o])) list.push([ops.invoked[o], ops.process[o]]); }
    return by;
  })();
  const list = run.lanes.by[lane];
  if (!list.length) return lane;
  const at = list.findLastIndex(([since]) => since <= view.to);
  return list[Math.max(0, at)][1];
}

// An operation in so many characters: its name with what was asked and what came back.
function shortOp(o, most) {
  const { ops } = run, { starts, block } = ops.texts;
  const take = n => starts[n + 1] - starts[n] > 400 ? Texts.flatten(block.subarray(starts[n], starts[n] + 400)) : ops.texts.get(n);
  const argument = take(3 * o), result = ops.outcome[o] === OK ? take(3 * o + 1) : '';
  const text = result && result !== argument ? (argument === 'null' ? `${nameOfOp(o)} ${result}` : `${nameOfOp(o)} ${argument} → ${result}`) : `${nameOfOp(o)} ${argument === 'null' ? '' : argument}`;
  const sign = ['…', '', '✗', '?'][ops.outcome[o]];
  return clipped(`${sign ? sign + ' ' : ''}${text.trim()}`, most);
}

function opUnder(px, py, area) {
  const { ops, lanes } = run, lane = Math.floor((py + area.top - lanes.top) / lanes.tall);
  let best = null, least = 6;
  opsWithin(area.time(px) - 6 * area.perPixel, area.time(px) + 6 * area.perPixel, o => {
    if (laneOf(o) !== lane) return;
    const left = area.x(ops.invoked[o]), right = Math.max(left + 2.5, area.x(endOfOp(o)));
    const distance = Math.max(left - px, px - right, 0);
    if (distance < least) { least = distance; best = o; }
  });
  return best === null ? null : { kind: 'op', id: best };
}

function tellOp({ id: o }) {
  const { ops } = run, error = ops.error(o);
  const took = ops.outcome[o] === OPEN ? 'never completed' : `${outcomeName[ops.outcome[o]]} after ${duration(ops.latency(o))}`;
  return [`process ${ops.process[o]}: ${shortOp(o, 90)}`, `invoked at ${seconds(ops.invoked[o])}, ${took}`, error ? `error: ${error}` : ops.result(o)];
}

function stepOp(by) {
  const { ops } = run;
  let o = selection?.kind === 'op' ? selection.id + by : by > 0 ? lower(ops.invoked, view.from) : upper(ops.invoked, view.to) - 1;
  while (o >= 0 && o < ops.count && !opPasses(o)) o += by;
  if (o < 0 || o >= ops.count) return;
  select({ kind: 'op', id: o });
  approach(ops.invoked[o]);
}
