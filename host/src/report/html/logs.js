// What the nodes logged in the time that is shown. Only the lines in sight are in the document.

const ROW = 18;

function makeLogs() {
  const { logs } = run, status = make('span', { class: 'status' }), scroll = make('div', { class: 'scroll', tabindex: 0, 'data-pane': 'logs', 'aria-label': 'Logs' });
  const room = make('div', { style: 'position:relative' });
  scroll.append(room);
  $('#panes').append(make('section', { class: 'pane', id: 'pane-logs' }, make('header', {}, make('h2', {}, 'Logs'), status), scroll));
  scroll.addEventListener('scroll', draw);
  const lineAt = l => {
    const text = logs.texts.get(l), level = text.slice(0, text.indexOf(' '));
    const isOn = selection?.kind === 'log' && selection.id === l;
    return make('div', { class: `row ${level}${isOn ? ' on' : ''}`, onclick: () => select({ kind: 'log', id: l }) },
      make('span', {}, seconds(logs.time[l])), make('span', {}, run.about.nodes[logs.node[l]]), make('span', {}, text));
  };
  panes.push({
    name: 'logs', step: stepLog,
    redraw() {
      const first = lower(logs.time, view.from), last = upper(logs.time, view.to), node = filter.node < 0 ? -1 : run.about.nodes.indexOf(run.names[filter.node]);
      let shown = { length: last - first, at: n => first + n };
      if (filter.node >= 0) { const own = []; for (let l = first; l < last; l++) if (logs.node[l] === node) own.push(l); shown = { length: own.length, at: n => own[n] }; }
      status.textContent = logs.count ? `${counted(shown.length, 'line')} in sight` : 'the nodes logged nothing';
      scroll.parentElement.classList.toggle('empty', !logs.count);
      scroll.hidden = !logs.count;
      room.style.height = Math.min(8e6, shown.length * ROW) + 'px';
      const top = Math.floor(scroll.scrollTop / ROW);
      room.replaceChildren();
      for (let n = top; n < Math.min(shown.length, top + 14); n++) { const row = lineAt(shown.at(n)); row.style.top = n * ROW + 'px'; room.append(row); }
    },
  });
}

function stepLog(by) {
  const { logs } = run, l = selection?.kind === 'log' ? selection.id + by : by > 0 ? lower(logs.time, view.from) : upper(logs.time, view.to) - 1;
  if (l < 0 || l >= logs.count) return;
  select({ kind: 'log', id: l });
  approach(logs.time[l]);
  $('#pane-logs .scroll').scrollTop = Math.max(0, (l - lower(logs.time, view.from) - 4) * ROW);
}
