// Latency of operations, their rate, and messages per second by type, as Maelstrom plots them; the windows follow the
// zoom. And the distribution of stable latencies.

const TYPES_SHOWN = 6;
const QUANTILES = [[0.5, 'median'], [0.95, '95 %'], [0.99, '99 %'], [1, 'max']];

function makeCharts() {
  const shapes = run.functions.map((f, n) => `${f} ${'●■▲◆+'[n % 5]}`);
  new Pane('latency', 'Latency', {
    height: 170, paint: paintLatency, under: pointUnder, about: tellOp, step: stepOp,
    legend: [['ok', 'ok-ink', 'dot'], ['fail', 'fail-ink', 'dot'], ['info', 'info-ink', 'dot'], ...(shapes.length > 1 ? shapes.map(shape => [shape, 'muted', 'none']) : []), ['median, 95 %, 99 %, max of ok', 'server']],
  });
  new Pane('rate', 'Rate', {
    height: 110, paint: paintRate, legend: [['ok', 'ok-ink'], ['fail', 'fail-ink'], ['info', 'info-ink']],
  });
  makeMessageRate();
}

function axisLabels(context, { width }, top, bottom, labels) {
  context.textAlign = 'right'; context.textBaseline = 'middle'; context.font = `11px ${colours.sans}`;
  for (const [fraction, text] of labels) {
    const y = Math.round(bottom - fraction * (bottom - top)) + 0.5;
    context.fillStyle = colours.grid; context.fillRect(LEFT, y, width - LEFT - RIGHT, 1);
    context.fillStyle = colours.muted; context.fillText(text, LEFT - 10, y);
  }
}

// Latency is logarithmic; what took no time at all lies on the floor.
function latencyScale() {
  const { ops } = run;
  let least = Infinity, most = 0;
  for (let o = 0; o < ops.count; o++) {
    const latency = ops.latency(o);
    if (latency > 0 && latency < least) least = latency;
    if (latency > most && latency < Infinity) most = latency;
  }
  if (most === 0) [least, most] = [0.1, 10];
  const low = Math.floor(Math.log10(Math.min(least, most / 10))), high = Math.max(low + 1, Math.ceil(Math.log10(most) + 0.02));
  return { low, high, fraction: latency => latency <= 0 ? 0 : Math.max(0.12, 0.12 + 0.88 * (Math.log10(latency) - low) / (high - low)) };
}

function paintLatency(context, area) {
  const { ops } = run, top = 8, bottom = area.height - 8, log = run.latencyScale ??= latencyScale();
  const labels = [[0, '0']];
  for (let power = log.low; power <= log.high; power++) if ((power - log.low) % Math.ceil((log.high - log.low) / 5) === 0) labels.push([log.fraction(10 ** power), duration(10 ** power)]);
  axisLabels(context, area, top, bottom, labels);
  const y = latency => bottom - log.fraction(latency) * (bottom - top);
  context.save();
  context.beginPath(); context.rect(LEFT, 0, area.width - LEFT - RIGHT, area.height); context.clip();
  const taken = new Set();
  const first = lower(ops.invoked, view.from), last = upper(ops.invoked, view.to), size = last - first > 4000 ? 1.6 : 2.6;
  let shown = 0;
  for (const isOwn of [false, true]) {
    for (let o = first; o < last; o++) {
      if (ops.outcome[o] === OPEN || (related?.ops.has(o) ?? false) !== isOwn) continue;
      const px = area.x(ops.invoked[o]), py = y(ops.latency(o)), key = (px | 0) * 4096 + (py | 0) * 4 + ops.outcome[o];
      shown++;
      if (!isOwn && taken.has(key)) continue;
      taken.add(key);
      context.globalAlpha = isOwn ? 1 : (related?.ops.size || !opPasses(o)) ? 0.25 : 0.8;
      context.fillStyle = outcomeInk(ops.outcome[o]);
      mark(context, ops.f[o] % 5, px, py, isOwn ? size * 2 : size);
    }
  }
  context.globalAlpha = 1;
  paintQuantiles(context, area, y);
  context.restore();
  run.latencyY = y;
  return `${counted(shown, 'operation')}, each at its invocation`;
}

function mark(context, shape, x, y, r) {
  context.beginPath();
  if (shape === 0) context.arc(x, y, r, 0, 7);
  else if (shape === 1) context.rect(x - r, y - r, 2 * r, 2 * r);
  else if (shape === 2) { context.moveTo(x, y - r * 1.2); context.lineTo(x + r * 1.2, y + r); context.lineTo(x - r * 1.2, y + r); }
  else if (shape === 3) { context.moveTo(x, y - r * 1.4); context.lineTo(x + r * 1.4, y); context.lineTo(x, y + r * 1.4); context.lineTo(x - r * 1.4, y); }
  else { context.rect(x - r * 1.3, y - 0.7, 2.6 * r, 1.4); context.rect(x - 0.7, y - r * 1.3, 1.4, 2.6 * r); }
  context.fill();
}

// Jepsen's quantiles over windows of time.
function paintQuantiles(context, area, y) {
  const { ops } = run, step = niceStep(view.to - view.from, 24), lines = QUANTILES.map(() => []);
  for (let begin = Math.floor(view.from / step) * step; begin < view.to; begin += step) {
    const latencies = [];
    for (let o = lower(ops.invoked, begin), last = lower(ops.invoked, begin + step); o < last; o++) if (ops.outcome[o] === OK) latencies.push(ops.latency(o));
    if (!latencies.length) { lines.forEach(line => line.push(null)); continue; }
    latencies.sort((a, b) => a - b);
    QUANTILES.forEach(([q], n) => lines[n].push([area.x(begin + step / 2), y(latencies[Math.min(latencies.length - 1, Math.floor(latencies.length * q))])]));
  }
  lines.forEach((line, n) => {
    context.strokeStyle = colours.server; context.lineWidth = [2.2, 1.5, 1.2, 1][n]; context.setLineDash([[], [6, 3], [3, 3], [1, 2]][n]);
    context.globalAlpha = 0.85;
    trace(context, line);
  });
  context.setLineDash([]); context.globalAlpha = 1;
}

function trace(context, points) {
  let isDown = false;
  context.beginPath();
  for (const point of points) {
    if (!point) isDown = false;
    else if (isDown) context.lineTo(...point);
    else { context.moveTo(...point); context.lineTo(point[0] + 0.01, point[1]); isDown = true; }
  }
  context.stroke();
}

function pointUnder(px, py, area) {
  const { ops } = run;
  let best = null, least = 8;
  for (let o = lower(ops.invoked, area.time(px - 8)), last = upper(ops.invoked, area.time(px + 8)); o < last; o++) {
    if (ops.outcome[o] === OPEN) continue;
    const distance = Math.hypot(area.x(ops.invoked[o]) - px, run.latencyY(ops.latency(o)) - py);
    if (distance < least) { least = distance; best = o; }
  }
  return best === null ? null : { kind: 'op', id: best };
}

// Completions in each window, by operation and outcome.
function paintRate(context, area) {
  const { ops } = run, step = niceStep(view.to - view.from, 60), begin = Math.floor(view.from / step) * step, slots = Math.ceil((view.to - begin) / step) + 1;
  const series = new Map();
  opsWithin(begin, begin + slots * step, o => {
    if (ops.completed[o] < begin || ops.completed[o] >= begin + slots * step) return;
    const key = ops.f[o] * 4 + ops.outcome[o];
    if (!series.has(key)) series.set(key, new Float64Array(slots));
    series.get(key)[(ops.completed[o] - begin) / step | 0]++;
  });
  const perSecond = 1000 / step, most = Math.max(1e-9, ...[...series.values()].map(counts => counts.reduce((a, b) => Math.max(a, b), 0) * perSecond));
  paintLines(context, area, most, 'ops/s', [...series].sort(([a], [b]) => a - b).map(([key, counts]) => ({
    points: [...counts].map((count, n) => [area.x(begin + (n + 0.5) * step), count * perSecond]), colour: outcomeInk(key & 3), dash: [[], [6, 3], [2, 2], [8, 3, 2, 3], [1, 3]][(key >> 2) % 5], name: run.functions[key >> 2],
  })));
  return `operations completed per second, in windows of ${duration(step)}${run.functions.length > 1 ? `: ${run.functions.map((f, n) => `${f} ${['──', '╌╌', '┈┈', '─·─', '· ·'][n % 5]}`).join('  ')}` : ''}`;
}

function paintLines(context, area, most, unit, lines) {
  const top = 10, bottom = area.height - 8, step = niceStep(most, 3), high = Math.ceil(most / step) * step;
  const labels = [];
  for (let n = 0; n * step <= high + step / 2; n++) labels.push([n * step / high, `${+(n * step).toPrecision(3)}${n * step >= high - step / 2 ? ' ' + unit : ''}`]);
  axisLabels(context, area, top, bottom, labels);
  context.save();
  context.beginPath(); context.rect(LEFT, 0, area.width - LEFT - RIGHT, area.height); context.clip();
  context.lineWidth = 1.6;
  for (const { points, colour, dash } of lines) {
    context.strokeStyle = colour; context.setLineDash(dash);
    trace(context, points.map(([x, value]) => [x, bottom - value / high * (bottom - top)]));
  }
  context.restore();
}

// The types sent most often get a colour of their own.
function makeMessageRate() {
  const { messages, types } = run, counts = new Array(types.length).fill(0);
  for (let m = 0; m < messages.count; m++) counts[messages.type[m]]++;
  const order = types.map((_, n) => n).sort((a, b) => counts[b] - counts[a]), shown = order.slice(0, TYPES_SHOWN);
  const palette = ['client', 'service', 'future', 'past', 'error', 'unsure', 'good'], times = new Map();
  for (const type of shown) times.set(type, new Float64Array(counts[type]));
  const others = new Float64Array(order.slice(TYPES_SHOWN).reduce((sum, type) => sum + counts[type], 0)), filled = new Map();
  for (let m = 0; m < messages.count; m++) {
    const type = times.has(messages.type[m]) ? messages.type[m] : -1, at = filled.get(type) ?? 0;
    (times.get(type) ?? others)[at] = messages.sent[m];
    filled.set(type, at + 1);
  }
  const named = [...shown.map((type, n) => ({ name: types[type] || '(no type)', colour: palette[n], times: times.get(type) })), ...(others.length ? [{ name: 'others', colour: 'muted', times: others }] : [])];
  new Pane('traffic', 'Messages per second', {
    height: 130, legend: named.map(({ name, colour }) => [clipped(name, 16), colour, 'box']),
    paint: (context, area) => paintTraffic(context, area, named),
  });
}

function paintTraffic(context, area, named) {
  const step = niceStep(view.to - view.from, 80), begin = Math.floor(view.from / step) * step, slots = Math.ceil((view.to - begin) / step), perSecond = 1000 / step;
  const rows = named.map(({ times }) => {
    const rates = new Float64Array(slots);
    for (let n = 0, at = lower(times, begin); n < slots; n++) { const next = lower(times, begin + (n + 1) * step); rates[n] = (next - at) * perSecond; at = next; }
    return rates;
  });
  let most = 1e-9;
  for (let n = 0; n < slots; n++) most = Math.max(most, rows.reduce((sum, rates) => sum + rates[n], 0));
  paintLines(context, area, most, 'msg/s', []);
  const top = 10, bottom = area.height - 8, unit = niceStep(most, 3), high = Math.ceil(most / unit) * unit, floor = new Float64Array(slots);
  context.save();
  context.beginPath(); context.rect(LEFT, 0, area.width - LEFT - RIGHT, area.height); context.clip();
  rows.forEach((rates, r) => {
    context.fillStyle = colours[named[r].colour];
    for (let n = 0; n < slots; n++) {
      const tall = rates[n] / high * (bottom - top), x = area.x(begin + n * step), wide = Math.max(1, area.x(begin + (n + 1) * step) - x - (step / area.perPixel > 5 ? 1 : 0));
      if (tall) context.fillRect(x, bottom - floor[n] - tall, wide, tall);
      floor[n] += tall;
    }
  });
  context.restore();
  return `sent, by type, in windows of ${duration(step)}`;
}

// How long elements took to be visible everywhere.
function makeStable() {
  const result = run.results.workload, counts = Object.entries(result['stable-latency-counts'] ?? {}).map(([ms, count]) => [+ms, count]);
  if (!counts.length) return;
  $('#stable').hidden = false;
  const quantiles = result['stable-latencies'], most = Math.max(1, counts[counts.length - 1][0]), step = niceStep(most + 1, 32), slots = new Array(Math.floor(most / step) + 1).fill(0);
  for (const [ms, count] of counts) slots[ms / step | 0] += count;
  const canvas = make('canvas', { role: 'img', 'aria-label': `Distribution of stable latencies: median ${quantiles['0.5']} ms, 95 % ${quantiles['0.95']} ms, 99 % ${quantiles['0.99']} ms, max ${quantiles['1']} ms` });
  const table = make('table', {}, make('tr', {}, ...['median', '95 %', '99 %', 'max'].map(name => make('th', {}, name))), make('tr', {}, ...['0.5', '0.95', '0.99', '1'].map(q => make('td', {}, `${quantiles[q]} ms`))));
  $('#stable').append(canvas, table, make('p', { class: 'note' }, `From the moment an element was known to exist to the last read that missed it: ${counted(result['stable-count'], 'element')}.`));
  panes.push({ redraw() { paintStable(fit(canvas, canvas.clientWidth, 104), canvas.clientWidth, slots, step, quantiles); } });
}

function paintStable(context, width, slots, step, quantiles) {
  const bottom = 86, most = Math.max(...slots), wide = width / slots.length;
  slots.forEach((count, n) => {
    const tall = count ? Math.max(1.5, count / most * (bottom - 8)) : 0;
    context.fillStyle = colours.ok; context.fillRect(n * wide, bottom - tall, Math.max(1, wide - 1), tall);
  });
  context.fillStyle = colours.line; context.fillRect(0, bottom, width, 1);
  context.font = `11px ${colours.sans}`; context.fillStyle = colours.muted; context.textBaseline = 'top';
  for (let n = 0; n <= slots.length; n += Math.ceil(slots.length / 5)) {
    context.textAlign = n === 0 ? 'left' : n >= slots.length ? 'right' : 'center';
    context.fillText(n === 0 ? '0 ms' : `${+(n * step).toPrecision(3)}`, n * wide, bottom + 4);
  }
  context.strokeStyle = colours.ink; context.lineWidth = 1;
  for (const q of ['0.5', '0.95', '0.99']) { const x = (quantiles[q] / step + 0.5) * wide; context.setLineDash(q === '0.5' ? [] : [3, 2]); context.beginPath(); context.moveTo(x, 2); context.lineTo(x, bottom); context.stroke(); }
  context.setLineDash([]);
}
