// Above the panes: the whole run with the part that is shown, the faults and the moments of a finding, and the ticks of
// time. In every pane: the faults as bands and those moments as lines.

// The faults as they come with the data, each family in a lane of its own.
function readFaults() {
  const families = [...new Set(run.faults.map(fault => fault.family))];
  run.bands = run.faults.map(({ family, from, to, nodes, value }) => {
    const lane = families.indexOf(family), isMoment = to === from;
    return { family, value, lane, isMoment, colour: 'fault-' + 'abcd'[lane % 4], from: from / 1e6, to: to === null ? run.end : to / 1e6, nodes: new Set(nodes) };
  });
  run.faultLanes = families.length;
}

function paintBands(context, { x, width, height }) {
  for (const band of run.bands) {
    if (band.to < view.from || band.from > view.to) continue;
    const left = Math.max(LEFT, x(band.from)), right = Math.min(width - RIGHT, Math.max(x(band.to), left + 1));
    context.globalAlpha = band.isMoment ? 0.8 : 0.06;
    context.fillStyle = colours[band.colour];
    context.fillRect(left, 0, right - left, height);
  }
  context.globalAlpha = 1;
}

function paintMarks(context, { x, width, height }) {
  const line = (time, colour, dash) => {
    const at = Math.round(x(time)) + 0.5;
    if (at < LEFT || at > width - RIGHT) return;
    context.strokeStyle = colour;
    context.setLineDash(dash);
    context.beginPath(); context.moveTo(at, 0); context.lineTo(at, height); context.stroke();
    context.setLineDash([]);
  };
  context.lineWidth = 1;
  for (const mark of marks) line(mark.time, colours.mark, [4, 3]);
}

// The panes that are not about a stretch of time to select from.
class Strip {
  constructor(id, height, paint) {
    this.canvas = $(id);
    Object.assign(this, { height, paint });
    panes.push(this);
  }
  redraw() {
    const width = widthOfPanes(), height = typeof this.height === 'function' ? this.height() : this.height;
    this.canvas.style.height = height + 'px';
    this.area = { width, height, ...scale(width) };
    this.paint(fit(this.canvas, width, height), this.area);
  }
}

const whole = width => time => LEFT + (time - view.least) / (view.most - view.least) * (width - LEFT - RIGHT);

function makeOverview() {
  let shape = null;
  const strip = new Strip('#overview', 34, (context, { width, height }) => {
    const x = whole(width), room = width - LEFT - RIGHT;
    if (shape?.length !== Math.ceil(room / 2)) shape = density(Math.ceil(room / 2));
    context.fillStyle = colours.page;
    context.fillRect(LEFT, 3, room, height - 6);
    for (const band of run.bands) {
      context.globalAlpha = 0.18; context.fillStyle = colours[band.colour];
      context.fillRect(x(band.from), 3, Math.max(1, x(band.to) - x(band.from)), height - 6);
    }
    context.globalAlpha = 0.55; context.fillStyle = colours.muted;
    const most = Math.max(1, ...shape);
    shape.forEach((count, n) => { const tall = count ? 1 + Math.sqrt(count / most) * (height - 10) : 0; context.fillRect(LEFT + 2 * n, height - 4 - tall, 2, tall); });
    context.globalAlpha = 1;
    for (const finding of findings) {
      if (finding.time === null) continue;
      context.fillStyle = finding.isWarning ? colours.unsure : colours.bad;
      context.beginPath(); context.moveTo(x(finding.time) - 4, 2); context.lineTo(x(finding.time) + 4, 2); context.lineTo(x(finding.time), 9); context.fill();
    }
    const left = x(view.from), right = Math.max(left + 3, x(view.to));
    context.fillStyle = colours.focus;
    context.globalAlpha = 0.16; context.fillRect(left, 1, right - left, height - 2);
    context.globalAlpha = 1; context.strokeStyle = colours.focus; context.lineWidth = 1.5;
    context.strokeRect(left + 0.5, 1.5, right - left - 1, height - 3);
    context.fillStyle = colours.muted; context.font = `11px ${colours.sans}`; context.textAlign = 'right'; context.textBaseline = 'middle';
    context.fillText('whole run', LEFT - 10, height / 2);
  });
  brush(strip);
}

function density(slots) {
  const counts = new Array(slots).fill(0), { time, count } = run.events, span = view.most - view.least;
  for (let e = 0; e < count; e++) counts[Math.min(slots - 1, Math.max(0, (time[e] - view.least) / span * slots | 0))]++;
  return counts;
}

function brush(strip) {
  const { canvas } = strip;
  let begun = null;
  const timeOf = event => {
    const { left, width } = canvas.getBoundingClientRect();
    return view.least + (event.clientX - left - LEFT) / (width - LEFT - RIGHT) * (view.most - view.least);
  };
  canvas.addEventListener('pointerdown', event => {
    const time = timeOf(event), isInside = time >= view.from && time <= view.to && view.to - view.from < (view.most - view.least) * 0.98;
    begun = { time, offset: isInside ? time - view.from : null };
    canvas.setPointerCapture(event.pointerId);
  });
  canvas.addEventListener('pointermove', event => {
    if (!begun) return;
    const time = timeOf(event), span = view.to - view.from;
    if (begun.offset !== null) show(time - begun.offset, time - begun.offset + span);
    else if (Math.abs(time - begun.time) > (view.most - view.least) / 300) show(Math.min(time, begun.time), Math.max(time, begun.time));
  });
  canvas.addEventListener('pointerup', event => {
    const time = timeOf(event), span = view.to - view.from;
    if (begun && begun.offset === null && Math.abs(time - begun.time) <= (view.most - view.least) / 300) show(time - span / 2, time + span / 2);
    begun = null;
  });
  canvas.addEventListener('wheel', event => wheel(event, timeOf(event)), { passive: false });
}

const FAULT_LANE = 15;

function makeAxis() {
  const strip = new Strip('#axis', () => 22 + (marks.length ? 22 : 0) + run.faultLanes * FAULT_LANE, (context, area) => {
    const { width, height, x } = area;
    context.font = `11px ${colours.sans}`;
    context.textBaseline = 'middle';
    paintFaultLabels(context, area);
    if (marks.length) paintPins(context, area, run.faultLanes * FAULT_LANE + 11);
    context.font = `11px ${colours.sans}`;
    const step = niceStep(view.to - view.from, (width - LEFT - RIGHT) / 90), y = height - 11;
    context.textAlign = 'center';
    for (let time = Math.ceil(view.from / step) * step; time <= view.to; time += step) {
      context.fillStyle = colours.line; context.fillRect(Math.round(x(time)), height - 5, 1, 5);
      if (x(time) > LEFT + 20) { context.fillStyle = colours.muted; context.fillText(tick(time, step), x(time), y - 1); }
    }
    context.textAlign = 'right'; context.fillStyle = colours.muted; context.font = `11px ${colours.sans}`;
    context.fillText('time', LEFT - 10, y - 1);
  });
  strip.canvas.addEventListener('wheel', event => wheel(event, strip.area.time(event.offsetX)), { passive: false });
}

function tick(time, step) {
  const places = Math.max(0, -Math.floor(Math.log10(step / 1000) + 1e-9));
  if (step >= 0.1) return `${(Math.abs(time) < step / 2 ? 0 : time / 1000).toFixed(Math.min(4, places))} s`;
  return `${(time / 1000).toFixed(Math.min(9, places))} s`;
}

// Whom a fault hits; of a partition the groups that can still talk, of everything else the nodes.
function aboutBand({ family, value, nodes }) {
  if (typeof value === 'number') return `${+(value * 100).toFixed(1)} %`;
  if (family !== 'partition') return [...nodes].join(' ');
  const refused = Array.isArray(value) ? value[1] ?? {} : {}, groups = new Map();
  for (const node of run.about.nodes) {
    const key = [...(refused[node] ?? [])].sort().join();
    groups.set(key, [...(groups.get(key) ?? []), node]);
  }
  return [...groups.values()].map(group => group.join(' ')).join('  |  ');
}

function paintFaultLabels(context, { x, width }) {
  const names = new Map();
  for (const band of run.bands) {
    const y = band.lane * FAULT_LANE + 2;
    names.set(band.family, y);
    if (band.to < view.from || band.from > view.to) continue;
    const left = Math.max(LEFT, x(band.from)), right = Math.min(width - RIGHT, Math.max(x(band.to), left + 2));
    context.fillStyle = colours[band.colour];
    context.globalAlpha = 0.25; context.fillRect(left, y, right - left, FAULT_LANE - 3);
    context.globalAlpha = 1; context.fillRect(left, y, 2, FAULT_LANE - 3);
    const label = clipped(aboutBand(band), Math.max(0, (right - left - 8) / 6 | 0));
    if (label.length > 1) { context.fillStyle = colours.ink; context.textAlign = 'left'; context.fillText(label, left + 6, y + (FAULT_LANE - 3) / 2 + 0.5); }
  }
  context.textAlign = 'right';
  for (const [family, y] of names) { context.fillStyle = colours.ink; context.fillText(clipped(family, 16), LEFT - 10, y + (FAULT_LANE - 3) / 2); }
}

// The moments of the finding in hand: numbered pins with their roles, each label where it does not cover another.
function paintPins(context, { x, width }, y) {
  const places = marks.map(mark => x(mark.time)).filter(at => at >= LEFT - 1 && at <= width - RIGHT + 1);
  context.font = `600 11px ${colours.sans}`;
  for (const mark of marks) {
    const at = x(mark.time);
    if (at < LEFT - 1 || at > width - RIGHT + 1) continue;
    context.fillStyle = colours.mark;
    context.beginPath(); context.arc(at, y, 8.5, 0, 7); context.fill();
    context.fillStyle = colours['mark-ink']; context.textAlign = 'center';
    context.fillText(mark.number, at, y + 0.5);
    const wide = context.measureText(mark.role).width + 14, isFree = (from, to) => from > LEFT && to < width - RIGHT && places.every(other => other === at || other + 10 < from || other - 10 > to);
    context.fillStyle = colours.mark;
    if (isFree(at + 8, at + 8 + wide)) { context.textAlign = 'left'; context.fillText(mark.role, at + 13, y + 0.5); }
    else if (isFree(at - 8 - wide, at - 8)) { context.textAlign = 'right'; context.fillText(mark.role, at - 13, y + 0.5); }
  }
}
