// The Pareto front of two objectives, and other trials behind it.

import { axes, bulk, chart, clip, linear, pointer } from './chart.js';
import { empty } from './history.js';
import { num } from './format.js';

const d3 = globalThis.d3;

export function frontChart(at) {
  return chart({
    height: 320,
    label: (data) => `Pareto front of ${data.objectives[data.i].metric} and ${data.objectives[data.j].metric}: ${data.count} trials`,
    draw: (picture, data) => draw(picture, data, at),
  });
}

function draw(picture, data, at) {
  const { svg, left, right, top, bottom } = picture;
  if (!data.front.length) { empty(picture, 'No feasible trial has completed yet.'); return; }
  const [a, b] = [data.objectives[data.i], data.objectives[data.j]];
  const u = (p) => p[1 + data.i], v = (p) => p[1 + data.j];
  const x = linear(bulk(data.others.map(u), data.front.map(u)), [left, right]);
  const y = linear(bulk(data.others.map(v), data.front.map(v)), [bottom, top]);
  axes(picture, x, y, { xLabel: `${a.metric} (${a.type})`, yLabel: `${b.metric} (${b.type})` });
  const inside = svg.append('g').attr('clip-path', clip(picture));
  inside.append('g').attr('class', 'dots').selectAll('circle').data(data.others).enter().append('circle')
    .attr('class', (p) => (p.at(-1) ? '' : 'infeasible')).attr('r', 2).attr('cx', (p) => x(u(p))).attr('cy', (p) => y(v(p)));
  const order = [...data.front].sort((p, q) => u(p) - u(q));
  if (data.objectives.length === 2)
    inside.append('path').attr('class', 'front-line').attr('d', d3.svg.line().interpolate(b.type === a.type ? 'step-before' : 'step-after')(order.map((p) => [x(u(p)), y(v(p))])));
  inside.append('g').attr('class', 'front-dots').selectAll('circle').data(order).enter().append('circle').attr('r', 3.4).attr('cx', (p) => x(u(p))).attr('cy', (p) => y(v(p)));
  const tell = (p, kind) => ({ x: x(u(p)), y: y(v(p)), href: `#/${at.ns}/${at.name}/trial/${p[0]}`, text: `trial ${p[0]}${kind}\n${data.objectives.map((o, k) => `${o.metric} ${num(p[1 + k], 6)}`).join('\n')}` });
  pointer(picture, [...data.others.map((p) => tell(p, p.at(-1) ? '' : ', infeasible')), ...data.front.map((p) => tell(p, ', on the front'))]);
}
