// Trials side by side: what differs is marked, and their curves are laid over each other.

import { api } from './api.js';
import { badge, h, panel, patch, replace } from './dom.js';
import { duration, num } from './format.js';
import { curvesChart } from './curves.js';
import { select, trialLink } from './parts.js';

export function compareView(at) {
  const table = h('table', { class: 'list compare' });
  const curves = curvesChart(at, 'None of them has reported anything.', 280);
  const choice = h('span');
  const element = h('div', {}, h('div', { class: 'head' }, h('h1', {}, 'Trials side by side')),
    panel('Parameters and metrics', '', h('div', { class: 'scroll', tabindex: 0, role: 'region', 'aria-label': 'Trials side by side' }, table)),
    panel('Learning curves', choice, curves.element));
  let metric, drawn;

  function row(name, items, value, digits = 6) {
    const texts = items.map(value);
    const differs = new Set(texts).size > 1;
    return h('tr', { class: differs ? 'differs' : '' }, h('th', { scope: 'row' }, name), texts.map((text) => h('td', { class: 'number' }, num(text, digits))));
  }

  async function refresh(signal) {
    const view = await api.view(at, 'compare', { trials: at.trials }, signal);
    const items = view.items;
    const metrics = [...new Set(items.flatMap((trial) => Object.keys(trial.metrics)))];
    metric ??= view.objectives[0].metric;
    const names = metrics.includes(metric) ? metrics : [metric, ...metrics];
    if (drawn !== names.join()) {
      drawn = names.join();
      replace(choice, names.length > 1 && select('Metric', names, metric, (next) => { metric = next; dispatchEvent(new Event('dozan:refresh')); }));
    }
    patch(table,
      h('thead', {}, h('tr', {}, h('td', {}), items.map((trial, i) => h('th', { scope: 'col', class: 'number' }, h('i', { class: `key c${i % 8}` }), trialLink(at, trial.number))))),
      h('tbody', {}, h('tr', {}, h('th', { scope: 'row' }, 'state'), items.map((trial) => h('td', { class: 'number' }, badge(trial.state)))),
        metrics.map((name) => row(name, items, (trial) => trial.metrics[name])),
        view.axes.map((axis) => row(axis.name, items, (trial) => trial.parameters[axis.name])),
        row('duration', items, (trial) => (trial.started && trial.finished ? duration(trial.finished - trial.started) : '–'))));
    curves.update(await api.view(at, 'curves', { metric, trials: at.trials }, signal));
    return items.some((trial) => !trial.ended);
  }
  return { element, refresh };
}
