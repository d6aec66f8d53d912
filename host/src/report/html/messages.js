// The Lamport diagram, lying down: a line per node with those of its clients above it, services below, and an arrow per
// message from its sending to its receipt. Too many arrows for the eye become shades: how much happens where.

const MOST_ARROWS = 5000, MOST_HEADS = 1600, MOST_LABELS = 160;

// The lines from top to bottom. Clients of one node that do not live at the same time share a line.
function layRows() {
  const { messages, names, about } = run, spans = names.map(() => [Infinity, -Infinity]), partner = names.map(() => -1), isUsed = names.map(() => false);
  for (let m = 0; m < messages.count; m++) {
    if (messages.setUp[m] && !filter.setUp) continue;
    const end = messages.fate[m] === FLYING ? messages.sent[m] : messages.ended[m];
    for (const [who, other] of [[messages.src[m], messages.dest[m]], [messages.dest[m], messages.src[m]]]) {
      isUsed[who] = true;
      if (messages.sent[m] < spans[who][0]) spans[who][0] = messages.sent[m];
      if (end > spans[who][1]) spans[who][1] = end;
      if (partner[who] < 0) partner[who] = other;
    }
  }
  const rows = [], rowOf = new Int32Array(names.length).fill(-1), byNode = new Map(), services = [];
  names.forEach((name, n) => {
    if (run.isClient[n]) { if (isUsed[n]) { if (!byNode.has(partner[n])) byNode.set(partner[n], []); byNode.get(partner[n]).push(n); } }
    else if (!about.nodes.includes(name)) services.push(n);
  });
  const add = (members, kind) => { for (const member of members) rowOf[member] = rows.length; rows.push({ members, kind, label: names[members[0]] + (members.length > 1 ? '…' : '') }); };
  const addClients = node => {
    const lines = [];
    for (const client of (byNode.get(node) ?? []).sort((a, b) => spans[a][0] - spans[b][0])) {
      const line = lines.find(line => line.end < spans[client][0]);
      if (line) { line.members.push(client); line.end = spans[client][1]; } else lines.push({ members: [client], end: spans[client][1] });
    }
    for (const line of lines) add(line.members, 'client');
    byNode.delete(node);
  };
  for (const name of about.nodes) {
    const node = names.indexOf(name);
    addClients(node);
    if (node >= 0) add([node], 'node');
  }
  for (const service of services) { addClients(service); add([service], 'service'); }
  for (const node of [...byNode.keys()]) addClients(node);
  const tall = { node: 30, client: 20, service: 30 }, total = rows.reduce((sum, row) => sum + tall[row.kind], 0);
  const squeeze = Math.min(1, Math.max(0.38, 400 / total));
  let y = 6;
  for (const row of rows) { row.height = tall[row.kind] * squeeze; row.y = y + row.height / 2; y += row.height; }
  run.rows = rows; run.rowOf = rowOf; run.rowsHeight = Math.max(60, y + 6);
}

const reasonOf = m => run.reasons[run.messages.reason[m]];
const colourOf = m => run.messages.fate[m] === LOST ? colours.lost : colours[KINDS[run.messages.kind[m]]];

function makeMessages() {
  const pane = new Pane('messages', 'Messages', {
    height: 430, content: () => run.rowsHeight,
    paint: paintMessages, under: messageUnder, about: tellMessage, step: stepMessage,
  });
  setMessageLegend();
  return pane;
}

function setMessageLegend() {
  const used = new Set(run.messages.kind), isLost = run.messages.fate.includes(LOST);
  panes.find(pane => pane.name === 'messages')?.setLegend([
    ['between nodes', 'server'], ['clients', 'client'], ...(used.has(SERVICE) ? [['services', 'service']] : []), ...(used.has(ERROR) ? [['errors', 'error']] : []),
    ...(isLost ? [['lost ×', 'lost', 'dash']] : []), ...(run.messages.again.size ? [['duplicated', 'server', 'dash']] : []),
    ...(selection?.kind === 'message' ? [['causal past', 'past'], ['causal future', 'future']] : []),
  ]);
}

function paintMessages(context, area) {
  labelled = [];
  paintRows(context, area);
  const { messages } = run, list = messages.list ??= new Uint32Array(messages.count);
  let omitted = 0, lost = 0, own = 0, other = list.length;
  // What belongs to the selection from the front, the rest from the back.
  messages.within(view.from, view.to, m => {
    if (run.rowOf[messages.src[m]] < 0 || run.rowOf[messages.dest[m]] < 0 || !passes(m)) { omitted++; return; }
    if (messages.fate[m] === LOST) lost++;
    if (!related || related.of[m]) list[own++] = m; else list[--other] = m;
  });
  const kept = list.subarray(0, own), rest = list.subarray(other), total = kept.length + rest.length;
  context.save();
  context.beginPath(); context.rect(LEFT, 0, area.width - LEFT - RIGHT, area.height); context.clip();
  if (rest.length) paintGroup(context, area, rest, 0.2, false);
  paintGroup(context, area, kept, 1, kept.length < MOST_HEADS);
  paintMoments(context, area);
  context.restore();
  paintRowLabels(context, area);
  return `${counted(total, 'message')} in sight${lost ? `, ${lost.toLocaleString('en')} lost` : ''}${related && kept.length ? `, ${counted(kept.length, 'message')} of what is selected` : ''}${omitted ? `, ${omitted.toLocaleString('en')} filtered out` : ''}`;
}

function paintGroup(context, area, group, alpha, hasHeads) {
  if (group.length > MOST_ARROWS) { context.globalAlpha = Math.min(1, alpha * 2); paintShades(context, area, group); context.globalAlpha = 1; return; }
  context.globalAlpha = alpha;
  const batches = new Map();
  for (const m of group) {
    const own = related && related.of[m] === 3, key = `${colourOf(m)}|${own ? 2.4 : 1.1}|${run.messages.fate[m] === LOST ? 'lost' : ''}`;
    if (!batches.has(key)) batches.set(key, []);
    batches.get(key).push(m);
  }
  for (const [key, batch] of batches) {
    const [colour, width, lost] = key.split('|');
    context.strokeStyle = context.fillStyle = colour;
    context.lineWidth = +width;
    paintArrows(context, area, batch, lost, hasHeads);
  }
  if (group.length <= MOST_LABELS && alpha === 1 && hasRoom(group, area)) for (const m of group) paintLabel(context, area, m);
  context.globalAlpha = 1;
}

// Labels are for when there is room for them.
const hasRoom = (group, area) => group.length * 40 < area.width - LEFT - RIGHT || group.some(m => run.messages.ended[m] - run.messages.sent[m] > 50 * area.perPixel);

// Where an arrow begins and ends. One that is lost ends on its way, where it was lost; one still on its way is a stub.
function course(m, { x, top }) {
  const { messages, rows, rowOf } = run, from = rows[rowOf[messages.src[m]]], to = rows[rowOf[messages.dest[m]]];
  const x1 = x(messages.sent[m]), y1 = from.y - top;
  if (messages.fate[m] === FLYING) return [x1, y1, x1 + 10, y1 + Math.sign(to.y - from.y) * 8];
  let x2 = x(messages.ended[m]), y2 = to.y - top;
  if (messages.fate[m] === LOST) { x2 = Math.max(x2, x1 + 5); y2 = y1 + (y2 - y1) * 0.6; }
  return [x1, y1, x2, y2];
}

function paintArrows(context, area, batch, lost, hasHeads) {
  if (lost) context.setLineDash([5, 3]);
  context.beginPath();
  for (const m of batch) {
    const [x1, y1, x2, y2] = course(m, area);
    context.moveTo(x1, y1);
    if (run.messages.src[m] === run.messages.dest[m]) context.quadraticCurveTo((x1 + x2) / 2, y1 - 14, x2, y2); else context.lineTo(x2, y2);
  }
  context.stroke();
  context.setLineDash([2, 3]);
  for (const m of batch) {
    const again = run.messages.again.get(m);
    if (!again) continue;
    const [x1, y1] = course(m, area), y2 = run.rows[run.rowOf[run.messages.dest[m]]].y - area.top;
    context.beginPath(); context.moveTo(x1, y1); context.lineTo(area.x(again.time), y2); context.stroke();
    head(context, x1, y1, area.x(again.time), y2);
  }
  context.setLineDash([]);
  if (lost) {
    context.lineWidth = 1.8;
    for (const m of batch) cross(context, ...course(m, area).slice(2), reasonOf(m) === 'partition');
  } else if (hasHeads) for (const m of batch) head(context, ...course(m, area));
}

function head(context, x1, y1, x2, y2) {
  const angle = Math.atan2(y2 - y1, x2 - x1), size = 6;
  context.beginPath();
  context.moveTo(x2, y2);
  context.lineTo(x2 - size * Math.cos(angle - 0.42), y2 - size * Math.sin(angle - 0.42));
  context.lineTo(x2 - size * Math.cos(angle + 0.42), y2 - size * Math.sin(angle + 0.42));
  context.fill();
}

// A cross where a message was lost; a wall where a partition stopped it.
function cross(context, x, y, isWall) {
  context.beginPath();
  if (isWall) { context.moveTo(x - 5, y); context.lineTo(x + 5, y); context.moveTo(x - 5, y + 3); context.lineTo(x + 5, y + 3); }
  else { context.moveTo(x - 4, y - 4); context.lineTo(x + 4, y + 4); context.moveTo(x + 4, y - 4); context.lineTo(x - 4, y + 4); }
  context.stroke();
}

function paintLabel(context, area, m) {
  const [x1, y1, x2, y2] = course(m, area), text = run.types[run.messages.type[m]], length = Math.hypot(x2 - x1, y2 - y1);
  context.font = `10px ${colours.sans}`;
  const wide = context.measureText(text).width;
  if (Math.abs(x2 - x1) < 3) return paintLabelBeside(context, x1 + 5, y1, y2 - y1, text, wide, colourOf(m));
  if (length < wide + 16) return;
  context.save();
  context.translate((x1 + x2) / 2, (y1 + y2) / 2);
  context.rotate(Math.atan2(y2 - y1, x2 - x1));
  context.textAlign = 'center'; context.textBaseline = 'bottom';
  context.lineWidth = 3; context.strokeStyle = colours.panel; context.strokeText(text, 0, -2);
  context.fillStyle = colourOf(m); context.fillText(text, 0, -2);
  context.restore();
}

// An arrow that takes no time has its label on the right, nearer to its sender, where no other label is.
let labelled = [];
function paintLabelBeside(context, x, from, length, text, wide, colour) {
  const isFree = y => labelled.every(([left, right, other]) => x > right || x + wide < left || Math.abs(y - other) > 10);
  const y = [0.28, 0.12, 0.45, 0.62].map(along => from + along * length).find(isFree);
  if (y === undefined) return;
  labelled.push([x, x + wide, y]);
  context.textAlign = 'left'; context.textBaseline = 'middle'; context.lineJoin = 'round';
  context.lineWidth = 3; context.strokeStyle = colours.panel; context.strokeText(text, x, y);
  context.fillStyle = colour; context.fillText(text, x, y);
}

// How much is sent and received in each pixel of each line, the rarest kind on top.
function paintShades(context, area, group) {
  const { messages, rows, rowOf } = run, room = Math.ceil(area.width - LEFT - RIGHT);
  const counts = new Uint32Array(room * rows.length), kinds = new Uint8Array(room * rows.length), rank = [1, 2, 3, 5];
  const note = (who, time, kind) => {
    const px = Math.floor(area.x(time) - LEFT);
    if (px < 0 || px >= room) return;
    const at = rowOf[who] * room + px;
    counts[at]++;
    if (kind > kinds[at]) kinds[at] = kind;
  };
  for (const m of group) {
    const kind = messages.fate[m] === LOST ? 6 : rank[messages.kind[m]];
    note(messages.src[m], messages.sent[m], kind);
    if (messages.fate[m] === RECEIVED) note(messages.dest[m], messages.ended[m], kind);
  }
  // A picture with a pixel for each of them, every row of it then stretched to its line.
  const shades = document.createElement('canvas');
  shades.width = room; shades.height = rows.length;
  const picture = shades.getContext('2d').createImageData(room, rows.length), pixels = picture.data;
  const inks = [null, 'server', 'client', 'service', null, 'error', 'lost'].map(name => name && [1, 3, 5].map(at => parseInt(colours[name].slice(at, at + 2), 16)));
  const most = Math.log1p(counts.reduce((most, count) => Math.max(most, count), 1));
  for (let at = 0; at < counts.length; at++) {
    if (!counts[at]) continue;
    const ink = inks[kinds[at]];
    for (let c = 0; c < 3; c++) pixels[4 * at + c] = ink[c];
    pixels[4 * at + 3] = 255 * (0.2 + 0.8 * Math.log1p(counts[at]) / most);
  }
  shades.getContext('2d').putImageData(picture, 0, 0);
  context.imageSmoothingEnabled = false;
  rows.forEach((row, r) => {
    const y = row.y - row.height * 0.42 - area.top, tall = row.height * 0.84;
    if (y < area.height && y + tall > 0) context.drawImage(shades, 0, r, room, 1, LEFT, y, room, tall);
  });
}

function paintRows(context, area) {
  for (const row of run.rows) {
    const y = Math.round(row.y - area.top) + 0.5;
    if (y < -20 || y > area.height + 20) continue;
    context.strokeStyle = row.kind === 'client' ? colours.grid : colours.line;
    context.lineWidth = row.kind === 'client' ? 1 : 1.6;
    context.beginPath(); context.moveTo(LEFT, y); context.lineTo(area.width - RIGHT, y); context.stroke();
    if (row.kind === 'node') paintOutage(context, area, row, y);
    if (related && selection?.kind === 'message') paintCone(context, area, row, y);
  }
}

// A node that is down or paused.
function paintOutage(context, { x, width }, row, y) {
  for (const band of run.bands) {
    if ((band.family !== 'kill' && band.family !== 'pause') || !band.nodes.has(row.label)) continue;
    const from = Math.max(LEFT, x(band.from)), to = Math.min(width - RIGHT, x(band.to));
    if (to <= from) continue;
    context.globalAlpha = 0.3; context.fillStyle = colours[band.colour];
    context.fillRect(from, y - row.height * 0.2, to - from, row.height * 0.4);
    context.globalAlpha = 1;
  }
}

// The part of a line that lies in the causal past or future of the message in hand.
function paintCone(context, { x, width }, row, y) {
  for (const member of row.members) {
    const until = related.until.get(member), since = related.since.get(member);
    context.lineWidth = 3;
    const stroke = (from, to, colour) => {
      if (to <= from) return;
      context.strokeStyle = colour; context.beginPath(); context.moveTo(from, y); context.lineTo(to, y); context.stroke();
    };
    if (until !== undefined) stroke(LEFT, Math.min(width - RIGHT, x(until)), colours.past);
    if (since !== undefined) stroke(Math.max(LEFT, x(since)), width - RIGHT, colours.future);
  }
}

// Log lines as ticks below their node's line, unless there are too many to tell apart.
function paintMoments(context, area) {
  const { logs } = run, first = lower(logs.time, view.from), last = upper(logs.time, view.to);
  if (last - first > 600) return;
  context.fillStyle = colours.muted;
  for (let l = first; l < last; l++) {
    const row = run.rows[run.rowOf[run.names.indexOf(run.about.nodes[logs.node[l]])]];
    if (!row || row.height < 10) continue;
    const x = area.x(logs.time[l]), y = row.y - area.top + 2;
    context.beginPath(); context.moveTo(x, y); context.lineTo(x - 3, y + 5); context.lineTo(x + 3, y + 5); context.fill();
  }
}

function paintRowLabels(context, area) {
  context.textAlign = 'right'; context.textBaseline = 'middle';
  for (const row of run.rows) {
    const y = row.y - area.top;
    if (y < 0 || y > area.height || row.height < 8.5) continue;
    context.font = `${row.kind === 'client' ? '' : '600 '}${Math.min(12, Math.max(9, row.height * 0.6))}px ${colours.sans}`;
    context.fillStyle = row.kind === 'client' ? colours.muted : colours.ink;
    context.fillText(clipped(row.label, 14), LEFT - 10, y);
  }
}

// The nearest arrow, or its nearest end.
function messageUnder(px, py, area) {
  const { messages } = run, reach = 7, slack = area.perPixel * reach;
  let best = null, least = reach, looked = 0;
  messages.within(area.time(px) - slack, area.time(px) + slack, m => {
    if (looked++ > 20000 || run.rowOf[messages.src[m]] < 0 || run.rowOf[messages.dest[m]] < 0 || !passes(m)) return;
    const [x1, y1, x2, y2] = course(m, area), length = (x2 - x1) ** 2 + (y2 - y1) ** 2;
    const along = length ? Math.min(1, Math.max(0, ((px - x1) * (x2 - x1) + (py - y1) * (y2 - y1)) / length)) : 0;
    const distance = Math.hypot(px - x1 - along * (x2 - x1), py - y1 - along * (y2 - y1)) + (related && !related.of[m] ? 2 : 0);
    if (distance < least) { least = distance; best = m; }
  });
  return best === null ? null : { kind: 'message', id: best };
}

function fateOf(m) {
  const { messages } = run, again = messages.again.get(m);
  const fate = messages.fate[m] === FLYING ? 'still on its way when the run ended'
    : messages.fate[m] === LOST ? `lost at ${seconds(messages.ended[m])}: ${reasonOf(m)}`
      : `received at ${seconds(messages.ended[m])}, after ${duration(messages.ended[m] - messages.sent[m])}`;
  return again ? `${fate}; duplicated: again at ${seconds(again.time)}` : fate;
}
const titleOf = m => `${run.names[run.messages.src[m]]} → ${run.names[run.messages.dest[m]]}  ${run.types[run.messages.type[m]]}`;
const tellMessage = ({ id: m }) => [titleOf(m), `sent at ${seconds(run.messages.sent[m])}, ${fateOf(m)}`, run.messages.bodies.get(m)];

// The next or previous message, for those who do without a mouse.
function stepMessage(by) {
  const { messages } = run;
  let m = selection?.kind === 'message' ? selection.id + by : by > 0 ? lower(messages.sent, view.from) : upper(messages.sent, view.to) - 1;
  while (m >= 0 && m < messages.count && (!passes(m) || run.rowOf[messages.src[m]] < 0)) m += by;
  if (m < 0 || m >= messages.count) return;
  select({ kind: 'message', id: m });
  approach(messages.sent[m]);
}
