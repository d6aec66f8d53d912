// Puts the page together, and listens to keys.

function setTheme(theme) {
  document.documentElement.dataset.theme = theme;
  takeColours();
  draw();
}
const preferred = matchMedia('(prefers-color-scheme: dark)');
const toggleTheme = () => setTheme(document.documentElement.dataset.theme === 'dark' ? 'light' : 'dark');

function makeFilters() {
  const names = run.names.map((name, n) => [name, n]).filter(([, n]) => run.rowOf[n] >= 0).sort(([, a], [, b]) => run.rowOf[a] - run.rowOf[b]);
  fill($('#filter-node'), names, chosen => { filter.node = chosen; });
  fill($('#filter-type'), run.types.map((type, n) => [type || '(none)', n]).sort(), chosen => { filter.type = chosen; });
  const key = $('#filter-key');
  key.addEventListener('change', () => { filterByKey(key.value.trim()); key.classList.toggle('on', filter.key !== ''); draw(); });
  const setUp = $('#filter-setup');
  setUp.parentElement.title = 'Also init and topology, and the clients that send them';
  setUp.addEventListener('change', () => { filter.setUp = setUp.checked; layRows(); draw(); });
}
function fill(menu, items, choose) {
  menu.append(make('option', { value: -1 }, 'all'), ...items.map(([name, n]) => make('option', { value: n }, name)));
  menu.addEventListener('change', () => { choose(+menu.value); menu.classList.toggle('on', menu.value !== '-1'); draw(); });
}

const inFocus = () => panes.find(pane => pane.name && pane.name === document.activeElement?.dataset?.pane) ?? panes.find(pane => pane.name === 'messages');

const KEYS = {
  n: () => stepFinding(1), p: () => stepFinding(-1), '+': () => zoom(0.5), '=': () => zoom(0.5), '-': () => zoom(2), ArrowLeft: () => pan(-0.2), ArrowRight: () => pan(0.2), 0: showAll,
  j: () => inFocus().step?.(1), k: () => inFocus().step?.(-1), t: toggleTheme, '?': () => $('#help').showModal(), Escape: () => { showFinding(-1); select(null); },
};

function listen() {
  const input = $('#search input');
  $('#search').addEventListener('submit', event => event.preventDefault());
  input.addEventListener('keydown', event => {
    if (event.key === 'Enter') searchFor(input.value, event.shiftKey ? -1 : 1);
    if (event.key === 'Escape') { input.value = ''; searchFor('', 1); input.blur(); }
  });
  document.addEventListener('keydown', event => {
    if (event.ctrlKey || event.metaKey || event.altKey || /INPUT|SELECT|TEXTAREA/.test(event.target.tagName) || $('#help').open) return;
    if (event.key === '/') { event.preventDefault(); input.focus(); input.select(); return; }
    const act = KEYS[event.key];
    if (act) { event.preventDefault(); act(); }
  });
  $('#theme').addEventListener('click', toggleTheme);
  $('#help-button').addEventListener('click', KEYS['?']);
  $('#zoom').addEventListener('click', event => ({ in: () => zoom(0.5), out: () => zoom(2), all: showAll })[event.target.dataset.do]?.());
  preferred.addEventListener('change', () => setTheme(preferred.matches ? 'dark' : 'light'));
  new ResizeObserver(draw).observe($('#panes'));
  $('#panes').addEventListener('scroll', draw);
  addEventListener('beforeprint', () => {
    const theme = document.documentElement.dataset.theme;
    isPrinting = true;
    setTheme('light');
    drawNow();
    addEventListener('afterprint', () => { isPrinting = false; setTheme(theme); }, { once: true });
  });
}

async function begin() {
  setTheme(preferred.matches ? 'dark' : 'light');
  run = await readRun($('#data').textContent);
  $('#data').remove();
  const margin = (run.end - run.begin) * 0.01 + 1e-3;
  Object.assign(view, { least: run.begin - margin, most: run.end + margin, from: run.begin - margin, to: run.end + margin });
  readFaults();
  readFindings();
  layRows();
  showVerdict();
  showAnomalies();
  makeOverview();
  makeAxis();
  makeMessages();
  makeOperations();
  makeCharts();
  makeLogs();
  makeStable();
  makeFilters();
  listen();
  if (findings.length && !findings[0].isWarning) showFinding(0);
  drawNow();
  document.documentElement.dataset.drawn = 'yes';
}

begin().catch(error => {
  console.error(error);
  document.body.prepend(make('p', { id: 'failed', role: 'alert' }, typeof DecompressionStream === 'undefined' ? 'This browser is too old to unpack the report; a current one can.' : `The report cannot be shown: ${error.message}`));
});
