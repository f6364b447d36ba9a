// What the metric depends on, and which trials are good together.

import { api } from './api.js';
import { h, panel, replace } from './dom.js';
import { count, plural } from './format.js';
import { contourChart, importanceChart, sliceChart } from './effects.js';
import { frontChart } from './front.js';
import { legendRamp, parallelChart } from './parallel.js';
import { select } from './parts.js';

export function analysisTab(at) {
  const ask = { metric: undefined, x: undefined, y: undefined, i: 0, j: 1 };
  const lines = parallelChart(at), bars = importanceChart(), plane = contourChart(at), front = frontChart(at);
  const linesAside = h('span'), barsAside = h('span'), planeAside = h('span'), frontAside = h('span');
  const choice = h('div', { class: 'bar' });
  const slices = h('div', { class: 'slices' });
  const frontPanel = panel('Pareto front', frontAside, front.element);
  const planePanel = panel('Two parameters', planeAside, plane.element);
  const element = h('div', {}, choice,
    panel('Parallel coordinates', linesAside, lines.element),
    h('div', { class: 'grid' }, panel('Importance of the parameters', barsAside, bars.element), planePanel, frontPanel),
    panel('One parameter at a time', h('span', { class: 'quiet-text' }, 'dots: trials · line: mean over the other parameters'), slices));
  let drawn, sliceCharts = new Map(), last = {};

  const again = () => dispatchEvent(new Event('dozan:refresh'));

  function drawChoices(e) {
    const key = JSON.stringify([e.metrics.map((m) => m.name), e.parameters.map((p) => p.name), ask]);
    if (key === drawn) return;
    drawn = key;
    const metrics = e.metrics.map((metric) => metric.name), names = e.axes.map((axis) => axis.name);
    const objectives = e.objectives.map((objective) => objective.metric);
    replace(choice, metrics.length > 1 && select('Metric', metrics, ask.metric, (metric) => { ask.metric = metric; again(); }));
    replace(planeAside, names.length > 1 && [select('Across', names.filter((n) => n !== ask.y), ask.x, (x) => { ask.x = x; again(); }),
      select('Up', names.filter((n) => n !== ask.x), ask.y, (y) => { ask.y = y; again(); })]);
    replace(frontAside, objectives.length > 2 && [select('Across', objectives, objectives[ask.i], (name) => { ask.i = objectives.indexOf(name); again(); }),
      select('Up', objectives, objectives[ask.j], (name) => { ask.j = objectives.indexOf(name); again(); })]);
    planePanel.hidden = names.length < 2;
    frontPanel.hidden = objectives.length < 2;
  }

  function drawSlices(sample, importance) {
    const effects = new Map(importance.parameters.map((p) => [p.name, p]));
    const order = sample.axes.map((axis, i) => ({ axis, i, weight: effects.get(axis.name)?.importance ?? 0 })).sort((a, b) => b.weight - a.weight);
    const names = order.map((one) => one.axis.name);
    if ([...sliceCharts.keys()].join('\n') !== names.join('\n')) {
      sliceCharts = new Map(names.map((name) => [name, sliceChart(at, name)]));
      replace(slices, names.map((name) => h('figure', {}, h('figcaption', {}, name), sliceCharts.get(name).element)));
    }
    for (const { axis, i } of order)
      sliceCharts.get(axis.name).update({
        axis, metric: sample.metric, maximize: sample.maximize, effect: effects.get(axis.name)?.effect,
        points: sample.points.filter((p) => p[3 + i] !== null).map((p) => ({ number: p[0], value: p[1], u: p[3 + i] })),
      });
  }

  function drawPlane(surface, sample) {
    const i = sample.axes.findIndex((axis) => axis.name === ask.x), j = sample.axes.findIndex((axis) => axis.name === ask.y);
    plane.update({ ...surface, x: sample.axes[i], y: sample.axes[j],
      points: sample.points.filter((p) => p[3 + i] !== null && p[3 + j] !== null).map((p) => ({ number: p[0], value: p[1], u: p[3 + i], v: p[3 + j] })) });
  }

  async function refresh(e, signal) {
    ask.metric ??= e.objectives[0].metric;
    const key = JSON.stringify([ask, e.counts.Succeeded, e.uid]);
    if (key === last.key) return;
    const [sample, importance] = await Promise.all([
      api.view(at, 'sample', { metric: ask.metric, limit: 600 }, signal),
      api.view(at, 'importance', { metric: ask.metric }, signal)]);
    const byWeight = [...importance.parameters].sort((a, b) => b.importance - a.importance).map((p) => p.name);
    const names = byWeight.length ? byWeight : e.axes.map((axis) => axis.name);
    ask.x ??= names[0];
    ask.y ??= names[1];
    drawChoices(e);
    lines.update({ ...sample, points: sample.points.slice(-400) });
    replace(linesAside, legendRamp(sample.metric, sample.maximize), h('span', { class: 'quiet-text' }, `drag along an axis to choose · ${plural(Math.min(400, sample.points.length), 'trial')} of ${count(sample.all)}`));
    bars.update(importance);
    replace(barsAside, importance.sample > 0 && h('span', { class: 'quiet-text' }, `fANOVA of ${plural(importance.sample, 'trial')}`));
    drawSlices(sample, importance);
    if (names.length > 1) drawPlane(await api.view(at, 'contour', { metric: ask.metric, x: ask.x, y: ask.y }, signal), sample);
    if (e.objectives.length > 1) front.update({ ...await api.view(at, 'front', {}, signal), i: ask.i, j: ask.j });
    last = { key: JSON.stringify([ask, e.counts.Succeeded, e.uid]) };
  }
  return { element, refresh };
}
