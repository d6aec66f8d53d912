'use strict';
// From the page's data to typed arrays: the counterpart of columns.rs. Times become milliseconds since the load began.

const SERVER = 0, CLIENT = 1, SERVICE = 2, ERROR = 3;   // kinds of messages, by who talks
const OPEN = 0, OK = 1, FAIL = 2, INFO = 3;             // outcomes of operations
const FLYING = 0, RECEIVED = 1, LOST = 2;               // fates of messages
const SERVICES = new Set(['seq-kv', 'lin-kv', 'lww-kv', 'lin-tso']);
const SET_UP = new Set(['init', 'init_ok', 'topology', 'topology_ok']);

async function unpack(text) {
  const coded = text.trim();
  const bytes = Uint8Array.fromBase64 ? Uint8Array.fromBase64(coded) : Uint8Array.from(atob(coded), c => c.charCodeAt(0));
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream('deflate'));
  return new Uint8Array(await new Response(stream).arrayBuffer());
}

// Integers as LEB128: seven bits a byte, the lowest first. Numbers may exceed 32 bits.
function column(bytes, count, into) {
  const numbers = new into(count);
  let at = 0;
  for (let n = 0; n < count; n++) {
    let byte = bytes[at++], number = byte & 127, scale = 128;
    while (byte > 127) {
      byte = bytes[at++];
      number += (byte & 127) * scale;
      scale *= 128;
    }
    numbers[n] = number;
  }
  return numbers;
}

const countOf = bytes => {
  let count = 0;
  for (let at = 0; at < bytes.length; at++) count += bytes[at] < 128 ? 1 : 0;
  return count;
};

// Texts in one block: decoded one at a time, searched all at once. A byte is a character there, so places agree.
class Texts {
  constructor(lengths, block) {
    const count = countOf(lengths), all = column(lengths, count, Uint32Array);
    this.block = block;
    this.starts = new Uint32Array(count + 1);
    for (let n = 0; n < count; n++) this.starts[n + 1] = this.starts[n] + all[n];
  }
  get(n) { return new TextDecoder().decode(this.block.subarray(this.starts[n], this.starts[n + 1])); }
  raw(n) { return this.flat().slice(this.starts[n], this.starts[n + 1]); }
  flat() { return this.text ??= Texts.flatten(this.block); }
  static flatten(bytes) { return new TextDecoder('latin1').decode(bytes); }
  // The numbers of the texts that contain the needle, in order.
  find(needle, most) {
    const flat = this.flat(), sought = Texts.flatten(new TextEncoder().encode(needle)), found = [];
    for (let at = flat.indexOf(sought), n = 0; at >= 0 && found.length < most; at = flat.indexOf(sought, at)) {
      n = upper(this.starts, at) - 1;
      if (at + sought.length <= this.starts[n + 1]) { found.push(n); at = this.starts[n + 1]; } else at++;
    }
    return found;
  }
}

// The first place in a sorted array whose number is greater.
function upper(sorted, number, high = sorted.length) {
  let low = 0;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (sorted[middle] > number) high = middle; else low = middle + 1;
  }
  return low;
}
// The first place whose number is at least that.
function lower(sorted, number, high = sorted.length) {
  let low = 0;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (sorted[middle] >= number) high = middle; else low = middle + 1;
  }
  return low;
}

async function readRun(text) {
  const bytes = await unpack(text);
  const size = new DataView(bytes.buffer).getUint32(0, true);
  const run = JSON.parse(new TextDecoder().decode(bytes.subarray(4, 4 + size)));
  const columns = {};
  let at = 4 + size;
  for (const [name, length] of run.columns) columns[name] = bytes.subarray(at, at += length);
  const load = run.about['load-began-ns'] / 1e6;
  run.begin = -load;
  run.end = run.about['ended-ns'] / 1e6 - load;
  run.messages = readMessages(run, columns);
  run.events = readEvents(run, columns, load);
  run.ops = readOps(run, columns);
  run.logs = readLogs(run, columns, load);
  run.end = Math.max(run.end, run.events.count ? run.events.time[run.events.count - 1] : 0);
  linkOps(run);
  return run;
}

function readMessages(run, columns) {
  const count = countOf(columns['message-src']);
  const read = name => column(columns[name], count, Uint32Array);
  const messages = {
    count, src: read('message-src'), dest: read('message-dest'), type: read('message-type'),
    bodies: new Texts(columns['body-length'], columns.bodies),
    sent: new Float64Array(count), ended: new Float64Array(count), fate: new Uint8Array(count), reason: new Uint8Array(count),
    sendEvent: new Uint32Array(count), endEvent: new Uint32Array(count), kind: new Uint8Array(count),
    again: new Map(), op: new Int32Array(count).fill(-1), setUp: new Uint8Array(count),
  };
  const nodes = new Set(run.about.nodes);
  run.isClient = run.names.map(name => name.startsWith('c') && !nodes.has(name));
  run.isService = run.names.map(name => SERVICES.has(name));
  const errors = run.types.map(type => type === 'error'), setUp = run.types.map(type => SET_UP.has(type));
  for (let m = 0; m < count; m++) {
    const src = messages.src[m], dest = messages.dest[m], type = messages.type[m];
    messages.kind[m] = errors[type] ? ERROR : run.isClient[src] || run.isClient[dest] ? CLIENT
      : run.isService[src] || run.isService[dest] ? SERVICE : SERVER;
    messages.setUp[m] = setUp[type] ? 1 : 0;
  }
  return messages;
}

function readEvents(run, columns, load) {
  const count = countOf(columns['event-kind']), messages = run.messages;
  const kind = column(columns['event-kind'], count, Uint32Array), gap = column(columns['event-gap'], count, Float64Array);
  const back = column(columns['event-back'], count - messages.count, Uint32Array);
  const time = new Float64Array(count), message = new Uint32Array(count);
  messages.ended.fill(Infinity);
  let now = 0, sent = 0, ends = 0;
  for (let e = 0; e < count; e++) {
    now += gap[e];
    time[e] = now / 1e6 - load;
    const m = message[e] = kind[e] === 0 ? sent++ : sent - 1 - back[ends++];
    if (kind[e] === 0) { messages.sent[m] = time[e]; messages.sendEvent[m] = e; continue; }
    if (messages.fate[m] !== FLYING) {
      messages.again.set(m, { time: time[e], lost: kind[e] > 1, event: e });
      continue;
    }
    messages.fate[m] = kind[e] === 1 ? RECEIVED : LOST;
    messages.reason[m] = kind[e] > 1 ? kind[e] - 2 : 0;
    messages.ended[m] = time[e];
    messages.endEvent[m] = e;
  }
  // Which messages may be on their way in a span of time: the latest end in each block of them.
  const BLOCK = 256, blocks = new Float64Array(Math.ceil(messages.count / BLOCK)).fill(-Infinity);
  for (let m = 0; m < messages.count; m++) {
    let end = messages.fate[m] === FLYING ? messages.sent[m] : messages.ended[m];
    if (messages.again.has(m)) end = Math.max(end, messages.again.get(m).time);
    if (end > blocks[m / BLOCK | 0]) blocks[m / BLOCK | 0] = end;
  }
  messages.within = (from, to, visit) => {
    const last = upper(messages.sent, to);
    for (let b = 0; b * BLOCK < last; b++) {
      if (blocks[b] < from) continue;
      for (let m = b * BLOCK, end = Math.min(last, m + BLOCK); m < end; m++) {
        if (messages.ended[m] >= from || (messages.fate[m] === FLYING && messages.sent[m] >= from) || messages.again.has(m)) visit(m);
      }
    }
  };
  return { count, time, message, kind };
}

function readOps(run, columns) {
  const count = countOf(columns['op-gap']);
  const read = (name, into = Uint32Array) => column(columns[name], count, into);
  const index = read('op-index'), invoked = read('op-gap', Float64Array), outcome = read('op-outcome', Uint8Array);
  const steps = read('op-steps'), completed = read('op-lasted', Float64Array), done = new Int32Array(count).fill(-1);
  const isFinal = new Uint8Array(count), rowOf = new Map();
  for (let o = 0, now = 0, at = 0; o < count; o++) {
    index[o] = at += index[o];
    invoked[o] = (now += invoked[o]) / 1e6;
    isFinal[o] = outcome[o] >> 2;
    outcome[o] &= 3;
    completed[o] = outcome[o] === OPEN ? Infinity : (now + completed[o]) / 1e6;
    rowOf.set(index[o], o);
    if (steps[o]) rowOf.set(done[o] = index[o] + steps[o], o);
  }
  return {
    count, index, done, invoked, completed, outcome, isFinal, rowOf, process: read('op-process', Float64Array), f: read('op-function'),
    texts: new Texts(columns['op-text-length'], columns['op-texts']), messages: Array(count),
    argument(o) { return this.texts.get(3 * o); },
    result(o) { return this.texts.get(3 * o + 1); },
    error(o) { return this.texts.get(3 * o + 2); },
    latency(o) { return this.completed[o] - this.invoked[o]; },
  };
}

function readLogs(run, columns, load) {
  const count = countOf(columns['log-node']), time = column(columns['log-time'], count, Float64Array);
  const known = new Float64Array(count);
  let latest = run.begin;
  for (let l = 0; l < count; l++) known[l] = latest = time[l] ? (time[l] - 1) / 1e6 - load : latest;
  return { count, node: column(columns['log-node'], count, Uint32Array), time: known, texts: new Texts(columns['log-length'], columns['log-texts']) };
}

// Finds the messages of each operation. A worker sends its request at the very moment of the invocation, to the node it
// always talks to; from then on its client's messages are the operation's, until it completes.
function linkOps(run) {
  const { ops, messages, about } = run, nodeOf = new Map(about.nodes.map((name, n) => [name, n]));
  const clients = new Map(), NS = 1e-6;
  const opBegunBy = m => {
    const node = nodeOf.get(run.names[messages.dest[m]]), sent = messages.sent[m];
    for (let o = lower(ops.invoked, sent - NS); o < ops.count && ops.invoked[o] <= sent + NS; o++) {
      if (ops.process[o] % about.concurrency % about.nodes.length === node && !ops.messages[o]) return o;
    }
    return -1;
  };
  for (let m = 0; m < messages.count; m++) {
    const client = run.isClient[messages.src[m]] ? messages.src[m] : run.isClient[messages.dest[m]] ? messages.dest[m] : -1;
    if (client < 0 || messages.setUp[m]) continue;
    let op = clients.get(client);
    if (client === messages.src[m]) {
      const begun = opBegunBy(m);
      if (begun >= 0) op = begun;
      else if (op !== undefined && ops.completed[op] < messages.sent[m]) op = undefined;
      clients.set(client, op);
    }
    if (op === undefined) continue;
    messages.op[m] = op;
    (ops.messages[op] ??= []).push(m);
  }
}
