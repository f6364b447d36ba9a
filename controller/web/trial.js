// One trial: what it tried, what it reported, its output as it comes, and what happened to it.

import { api } from './api.js';
import * as actions from './actions.js';
import { badge, field, h, panel, patch, replace } from './dom.js';
import { count, duration, num, plural, time } from './format.js';
import { curvesChart } from './curves.js';
import { select } from './parts.js';

const KEPT = 400000; // characters of output that the page keeps
const TAIL = 2000;   // lines that it asks for

export function trialView(at) {
  const number = Number(at.trial);
  const base = `#/${encodeURIComponent(at.ns)}/${encodeURIComponent(at.name)}`;
  const head = h('div', { class: 'head' }), says = h('p', { class: 'says' }), stats = h('dl', { class: 'stats' });
  const curve = curvesChart({ ...at }, 'It has reported nothing yet.', 230);
  const choice = h('span'), parameters = h('tbody'), metrics = h('tbody'), events = h('tbody');
  const log = logView(at);
  const element = h('div', {}, head, says, stats, h('div', { class: 'grid' },
    panel('Learning curve', choice, curve.element),
    panel('Parameters', '', h('table', { class: 'values' }, parameters)),
    panel('Metrics', '', h('div', { class: 'scroll', tabindex: 0, role: 'region', 'aria-label': 'Metrics' }, h('table', { class: 'list compact' }, headRow(['Metric', 'Value', 'Least', 'Greatest', 'Latest', 'Reports'], 1), metrics))),
    panel('What happened', '', h('div', { class: 'scroll', tabindex: 0, role: 'region', 'aria-label': 'What happened' }, h('table', { class: 'list compact' }, headRow(['When', 'What', 'Attempt', 'Value'], 2), events)))), log.element);
  let metric, drawn, drawnChoice, last;

  function drawHead(view) {
    const t = view.trial;
    const key = JSON.stringify([t.state, view.trials]);
    if (key === drawn) return;
    drawn = key;
    replace(head, h('h1', {}, `Trial ${t.number} `, badge(t.state), t.best && h('span', { class: 'badge best' }, 'best'),
      t.onFront && view.objectives.length > 1 && h('span', { class: 'badge best' }, 'on the front')),
    h('div', { class: 'buttons' },
      h('a', { class: 'button', href: `${base}/trial/${Math.max(1, number - 1)}`, 'aria-label': 'Trial before', 'data-do': 'before' }, '←'),
      h('a', { class: 'button', href: `${base}/trial/${Math.min(view.trials, number + 1)}`, 'aria-label': 'Trial after', 'data-do': 'after' }, '→'),
      !t.ended && actions.button('Kill…', 'kill', () => actions.kill(at, number), 'quiet-danger'),
      t.ended && ['Failed', 'Killed', 'MetricsUnavailable'].includes(t.state) && actions.button('Retry', 'retry', () => actions.retry(at, number))));
  }

  function drawChoice(names) {
    if (drawnChoice === names.join()) return;
    drawnChoice = names.join();
    replace(choice, names.length > 1 && select('Metric', names, metric, (next) => { metric = next; dispatchEvent(new Event('dozan:refresh')); }));
  }

  async function refresh(signal) {
    const view = await api.view(at, `trials/${number}`, {}, signal);
    const t = view.trial;
    last = view;
    metric ??= view.metricNames[0];
    drawHead(view);
    drawChoice(view.metricNames);
    patch(says, t.message, h('small', {}, t.reason));
    patch(stats, statsOf(view));
    patch(parameters, Object.entries(t.parameters).map(([name, value]) => h('tr', {}, h('th', { scope: 'row' }, name), h('td', {}, value))),
      Object.entries(t.labels).map(([name, value]) => h('tr', { class: 'label' }, h('th', { scope: 'row' }, name), h('td', {}, value))));
    patch(metrics, Object.entries(t.observations).map(([name, seen]) => h('tr', {}, h('th', { scope: 'row' }, name), h('td', { class: 'number' }, h('b', {}, num(t.metrics[name], 7))),
      ...['min', 'max', 'latest'].map((part) => h('td', { class: 'number' }, num(seen[part], 7))), h('td', { class: 'number' }, count(seen.count)))));
    patch(events, view.events.map((event) => h('tr', {}, h('td', {}, time(event.time)), h('td', {}, event.event),
      h('td', { class: 'number' }, event.attempt || ''), h('td', { class: 'number' }, event.value === undefined ? '' : num(event.value, 7)))));
    curve.update({ ...await api.view(at, 'curves', { metric, trials: number }, signal), link: false });
    log.refresh(t, signal);
    return !t.ended;
  }
  const go = (step) => { const next = number + step; if (next >= 1 && next <= (last?.trials ?? number)) location.hash = `${base}/trial/${next}`; };
  const keys = [{ key: '[ ]', text: 'the trial before or after', run: (key) => go(key === '[' ? -1 : 1) }];
  return { element, refresh, keys, close: log.close };
}

// The columns from the index `numbers` on hold numbers.
function headRow(titles, numbers) {
  return h('thead', {}, h('tr', {}, titles.map((title, i) => h('th', { scope: 'col', class: i >= numbers ? 'number' : '' }, title))));
}

function statsOf(view) {
  const t = view.trial, objective = view.objectives[0];
  const cost = [t.cpuMilli ? `${num(t.cpuMilli / 1000)} CPU` : '', t.gpus.length ? `GPU ${t.gpus.join(', ')}` : ''].filter(Boolean).join(', ');
  return [
    field(objective.metric, num(t.metrics[objective.metric], 7), view.rank ? `place ${count(view.rank)} of ${count(view.completed)}` : ''),
    field('Duration', t.started ? duration((t.finished || view.now) - t.started) : '–', t.started ? `waited ${duration(t.started - t.created)}` : ''),
    field('Started', time(t.started)),
    field('Ended', time(t.finished)),
    field('Attempt', String(t.attempt || '–'), [t.failures ? plural(t.failures, 'failure') : '', t.losses ? `${t.losses} lost` : ''].filter(Boolean).join(', ')),
    cost && field('Takes', cost),
  ];
}

// The output, from its last lines on; it follows while the trial runs and the end is in sight.
function logView(at) {
  const text = h('pre', { class: 'log', tabindex: 0, role: 'region', 'aria-label': 'Output' });
  const aside = h('span', { class: 'quiet-text' });
  const element = panel('Output', aside, text);
  let stop, attempt, ended;

  function take(piece) {
    const follows = text.scrollHeight - text.scrollTop - text.clientHeight < 40;
    text.append(piece);
    if (text.textContent.length > 2 * KEPT) text.textContent = text.textContent.slice(-KEPT);
    if (follows) text.scrollTop = text.scrollHeight;
  }

  async function read(trial, follow) {
    stop?.abort();
    stop = new AbortController();
    const own = stop;
    text.textContent = '';
    try {
      await api.log(at, trial, { follow, tail: TAIL, signal: own.signal }, take);
      if (!text.textContent) text.textContent = 'It has printed nothing.';
    } catch (error) {
      if (error.name !== 'AbortError' && own === stop) { text.textContent = error.message; attempt = undefined; }
    }
  }
  return {
    element,
    refresh(t) {
      replace(aside, t.ended ? 'the last lines' : 'follows');
      if (t.attempt === 0) { text.textContent = 'It has not started yet.'; return; }
      if (attempt === t.attempt && !(t.ended && !ended)) return;
      const first = attempt !== t.attempt;
      attempt = t.attempt;
      ended = t.ended;
      if (first) read(t.name, !t.ended);
    },
    close: () => stop?.abort(),
  };
}
