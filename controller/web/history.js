// The best so far, over trials or over time, with a sample of all trials as dots.

import { axes, bulk, chart, clip, linear, pointer } from './chart.js';
import { duration, num } from './format.js';

const d3 = globalThis.d3;

export function historyChart(at) {
  return chart({
    height: 260,
    label: (data) => (data.best.length
      ? `Best ${data.metric} over ${data.completed} completed trials: ${num(data.best[0][3])} at first, ${num(data.best.at(-1)[3])} now`
      : 'No trial has completed yet'),
    draw: (picture, data) => draw(picture, data, at),
  });
}

function draw(picture, data, at) {
  const { svg, left, right, top, bottom } = picture;
  const all = [...data.others, ...data.best];
  if (!all.length) { empty(picture, 'No trial has completed yet.'); return; }
  const start = data.by === 'time' ? data.started || d3.min(all, (p) => p[2]) : 0;
  const where = data.by === 'time' ? (p) => (p[2] - start) / 1000 : (p) => p[0];
  const end = Math.max(d3.max(all, where), data.by === 'time' ? 0 : data.ended);
  const x = linear([0, end], [left, right]);
  const y = linear(bulk(data.others.map((p) => p[3]), data.best.map((p) => p[3])), [bottom, top]);
  axes(picture, x, y, {
    xLabel: data.by === 'time' ? 'time since the start' : 'trials that have ended', yLabel: data.metric,
    xWhole: data.by !== 'time', xFormat: data.by === 'time' ? (seconds) => duration(seconds * 1000) : undefined,
  });
  const inside = svg.append('g').attr('clip-path', clip(picture));
  const points = all.map((p) => ({ x: x(where(p)), y: y(p[3]), href: `#/${at.ns}/${at.name}/trial/${p[1]}`, text: `trial ${p[1]}\n${data.metric} ${num(p[3], 7)}` }));
  inside.append('g').attr('class', 'dots').selectAll('circle').data(data.others).enter().append('circle')
    .attr('r', 2).attr('cx', (p) => x(where(p))).attr('cy', (p) => y(p[3]));
  const steps = data.best.map((p) => [x(where(p)), y(p[3])]);
  if (steps.length) steps.push([right, steps.at(-1)[1]]);
  inside.append('path').attr('class', 'best-line').attr('d', d3.svg.line().interpolate('step-after')(steps));
  inside.append('g').attr('class', 'best-dots').selectAll('circle').data(data.best).enter().append('circle')
    .attr('r', data.best.length > 60 ? 1.6 : 3).attr('cx', (p) => x(where(p))).attr('cy', (p) => y(p[3]));
  if (Number.isFinite(data.goal) && data.goal >= y.domain()[0] && data.goal <= y.domain()[1]) {
    svg.append('line').attr('class', 'goal').attr('x1', left).attr('x2', right).attr('y1', y(data.goal)).attr('y2', y(data.goal));
    svg.append('text').attr('class', 'label').attr('x', right).attr('y', y(data.goal) - 4).attr('text-anchor', 'end').text('goal');
  }
  pointer(picture, points);
}

export function empty({ svg, width, height }, text) {
  svg.append('text').attr('class', 'nothing').attr('x', width / 2).attr('y', height / 2).attr('text-anchor', 'middle').text(text);
}
