// How it goes: the best so far, what runs, what waits and why, what failed, what the best trial is.

import { api } from './api.js';
import { badge, h, note, panel, patch, replace } from './dom.js';
import { duration, num, percent, plural } from './format.js';
import { historyChart } from './history.js';
import { curvesChart } from './curves.js';
import { pairs, select, trialLink } from './parts.js';

export function overviewTab(at) {
  let by = 'trials', metric, latest, metricNames;
  const waits = h('div', { class: 'waits' });
  const history = historyChart(at);
  const curves = curvesChart(at, 'No trial reports at the moment.');
  const choice = h('span');
  const way = select('Over', ['trials', 'time'], by, (next) => { by = next; drawHistory(); });
  const wide = (label) => h('div', { class: 'scroll', tabindex: 0, role: 'region', 'aria-label': label });
  const best = h('div'), active = wide('Running trials'), failures = wide('What failed');
  const curvesPanel = panel('Running trials', choice, curves.element, active);
  const failuresPanel = panel('What failed', '', failures);
  const element = h('div', {}, waits, h('div', { class: 'grid' },
    panel('Best so far', way, history.element), curvesPanel,
    panel('Best trial', '', best), failuresPanel));

  function drawHistory() {
    if (latest) history.update({ ...latest.history, by, started: latest.e.started, goal: latest.e.objectives[0].goal });
  }

  function drawChoice(e) {
    const names = e.metrics.map((one) => one.name);
    if (names.join() === metricNames) return;
    metricNames = names.join();
    metric ??= names[0];
    replace(choice, names.length > 1 && select('Metric', names, metric, (next) => { metric = next; dispatchEvent(new Event('dozan:refresh')); }));
  }

  async function refresh(e, signal) {
    drawChoice(e);
    patch(waits, e.waiting.length > 0 && waiting(at, e));
    patch(best, bestTrial(at, e));
    active.hidden = e.active.length === 0;
    patch(active, e.active.length > 0 && activeTable(at, e));
    failuresPanel.hidden = e.failures.length === 0;
    patch(failures, failureTable(at, e));
    const [past, now] = await Promise.all([api.view(at, 'history', {}, signal),
      e.activeCount > 0 ? api.view(at, 'curves', { metric }, signal) : { metric, curves: [] }]);
    latest = { e, history: past };
    drawHistory();
    curvesPanel.hidden = e.activeCount === 0 && e.ended;
    curves.update(now);
  }
  return { element, refresh };
}

function waiting(at, e) {
  const trials = e.waiting.filter((one) => one.what.startsWith('trial '));
  const others = e.waiting.filter((one) => !one.what.startsWith('trial '));
  const reasons = new Map();
  for (const one of trials) reasons.set(one.reason, [...(reasons.get(one.reason) ?? []), one]);
  return [
    others.map((one) => note([h('b', {}, one.reason ?? one.what), ` ${one.message ?? ''}`], 'warn')),
    [...reasons].map(([reason, list]) => note([h('b', {}, reason),
      ` ${plural(list.length, 'trial waits', 'trials wait')}: ${list[0].message ?? ''}`,
      list[0].until ? ` For ${duration(list[0].until - e.now)} more at most.` : ''], 'warn')),
  ];
}

function bestTrial(at, e) {
  if (!e.bestTrial)
    return h('p', { class: 'empty' }, e.constraints.length ? 'No completed trial keeps the constraints yet.' : 'No trial has completed yet.');
  const trial = e.bestTrial;
  return [h('p', {}, trialLink(at, trial.number, trial.name), ` · ${duration(trial.finished - trial.started)}`),
    h('table', { class: 'values' }, h('tbody', {},
      Object.entries(trial.metrics).map(([name, value]) => h('tr', { class: 'metric' }, h('th', { scope: 'row' }, name), h('td', {}, num(value, 8)))),
      Object.entries(trial.parameters).map(([name, value]) => h('tr', {}, h('th', { scope: 'row' }, name), h('td', {}, num(value, 8))))))];
}

function activeTable(at, e) {
  const objective = e.objectives[0].metric;
  return [h('table', { class: 'list compact' },
    h('thead', {}, h('tr', {}, ['Trial', 'State', objective, 'For', 'Parameters'].map((title) => h('th', { scope: 'col' }, title)))),
    h('tbody', {}, e.active.slice(0, 12).map((trial) => h('tr', { 'data-href': trial.number },
      h('th', { scope: 'row' }, trialLink(at, trial.number)),
      h('td', {}, badge(trial.state), trial.attempt > 1 && h('small', {}, `attempt ${trial.attempt}`)),
      h('td', { class: 'number' }, num(trial.metrics[objective])),
      h('td', { class: 'number' }, trial.started ? duration(e.now - trial.started) : '–'),
      h('td', { class: 'cut' }, pairs(Object.fromEntries(Object.entries(trial.parameters).map(([name, value]) => [name, num(value)])))))))),
  e.activeCount > 12 && h('p', { class: 'more' }, `and ${plural(e.activeCount - 12, 'other')}`)];
}

function failureTable(at, e) {
  const all = e.failures.reduce((total, cause) => total + cause.count, 0) + e.otherFailures;
  return [h('table', { class: 'list compact' },
    h('thead', {}, h('tr', {}, ['Trials', 'Reason', 'Cause', 'For example'].map((title) => h('th', { scope: 'col' }, title)))),
    h('tbody', {}, e.failures.map((cause) => h('tr', {},
      h('td', { class: 'number' }, `${cause.count}`, h('small', {}, percent(cause.count / all))),
      h('td', {}, cause.reason), h('td', { class: 'wrap' }, cause.message ?? ''), h('td', {}, trialLink(at, cause.last)))))),
  e.otherFailures > 0 && h('p', { class: 'more' }, `and ${plural(e.otherFailures, 'trial')} of other causes`)];
}
