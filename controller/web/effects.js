// What the metric depends on: bars of importance, a slice for each parameter, and the plane of two of them.

import { bulk, chart, clip, linear, pointer, ramp } from './chart.js';
import { empty } from './history.js';
import { cut } from './parallel.js';
import { num, percent } from './format.js';

const d3 = globalThis.d3;
const ROW = 24;

export function importanceChart() {
  return chart({
    height: (data) => 20 + ROW * (Math.min(data.parameters.length, 20) + 1),
    label: (data) => (data.parameters.length ? data.parameters.map((p) => `${p.name} ${percent(p.importance)}`).join(', ') : 'Too few trials'),
    draw: drawImportance,
  });
}

function drawImportance(picture, data) {
  const { svg, width } = picture;
  if (!data.parameters.length) { empty(picture, `It needs ${data.least} completed trials.`); return; }
  const rows = [...data.parameters].sort((a, b) => b.importance - a.importance).slice(0, 20);
  rows.push({ name: 'interactions', importance: data.interactions, rest: true });
  const left = Math.min(150, width * 0.35);
  const x = d3.scale.linear().domain([0, Math.max(0.01, d3.max(rows, (row) => row.importance))]).range([left, width - 56]);
  rows.forEach((row, i) => {
    const y = 10 + i * ROW;
    const g = svg.append('g').attr('class', row.rest ? 'bar rest' : 'bar');
    g.append('text').attr('class', 'name').attr('x', left - 8).attr('y', y + ROW / 2).attr('dy', '.32em').attr('text-anchor', 'end').text(cut(row.name, left / 7.5 | 0)).append('title').text(row.name);
    g.append('rect').attr('x', left).attr('y', y + 4).attr('height', ROW - 8).attr('rx', 2).attr('width', Math.max(1, x(row.importance) - left));
    g.append('text').attr('class', 'value').attr('x', x(row.importance) + 6).attr('y', y + ROW / 2).attr('dy', '.32em').text(percent(row.importance));
  });
}

export function sliceChart(at, name) {
  return chart({
    height: 170,
    label: (data) => `${data.metric} against ${name}, ${data.points.length} trials`,
    draw: (picture, data) => drawSlice(picture, data, at),
  });
}

// Dots are trials; the line is the model's mean over all other parameters.
function drawSlice(picture, data, at) {
  const { svg, left, right, top, bottom } = picture;
  const x = d3.scale.linear().domain([0, 1]).range([left, right]);
  const y = linear(bulk(data.points.map((p) => p.value), []), [bottom, top]);
  axesOf(picture, data.axis, x, y, data.metric);
  const inside = svg.append('g').attr('clip-path', clip(picture));
  const colour = ramp(data.points.map((p) => p.value), data.maximize);
  inside.append('g').attr('class', 'slice').selectAll('circle').data(data.points).enter().append('circle')
    .attr('class', (p) => colour(p.value)).attr('r', 2.4).attr('cx', (p) => x(p.u)).attr('cy', (p) => y(p.value));
  if (data.effect) {
    const steps = data.effect.flatMap(([from, to, mean]) => [[x(from), y(mean)], [x(to), y(mean)]]);
    inside.append('path').attr('class', 'effect').attr('d', d3.svg.line()(steps));
  }
  pointer(picture, data.points.map((p) => ({ x: x(p.u), y: y(p.value), href: `#/${at.ns}/${at.name}/trial/${p.number}`, text: `trial ${p.number}\n${data.metric} ${num(p.value, 7)}` })));
}

function axesOf(picture, axis, x, y, metric) {
  const { svg, left, right, top, bottom } = picture;
  const room = Math.max(3, Math.floor((right - left) / 46));
  const ticks = axis.ticks.length > room ? axis.ticks.filter((tick, i) => i % Math.ceil(axis.ticks.length / room) === 0) : axis.ticks;
  const across = d3.svg.axis().scale(x).orient('bottom').outerTickSize(0).innerTickSize(4).tickValues(ticks.map((t) => t[0]))
    .tickFormat((value) => cut(ticks.find((t) => t[0] === value)[1], 9));
  const up = d3.svg.axis().scale(y).orient('left').outerTickSize(0).innerTickSize(-(right - left)).ticks(4).tickFormat((value) => num(value));
  svg.append('g').attr('class', 'axis y').attr('transform', `translate(${left},0)`).call(up);
  svg.append('g').attr('class', 'axis x').attr('transform', `translate(0,${bottom})`).call(across);
  svg.append('text').attr('class', 'label').attr('x', left + 6).attr('y', top + 8).text(metric);
}

export function contourChart(at) {
  return chart({
    height: 320,
    label: (data) => `Mean ${data.metric} over ${data.x.name} and ${data.y.name}, the other parameters averaged out`,
    draw: (picture, data) => drawContour(picture, data, at),
  });
}

function drawContour(picture, data, at) {
  const { svg, left, right, top, bottom } = picture;
  if (!data.cells) { empty(picture, `It needs ${data.least} completed trials.`); return; }
  const x = d3.scale.linear().domain([0, 1]).range([left, right]);
  const y = d3.scale.linear().domain([0, 1]).range([bottom, top]);
  const colour = scale(data.cells.flat(), data.maximize);
  const cells = svg.append('g').attr('class', 'cells');
  data.cells.forEach((row, i) => row.forEach((value, j) => {
    const x0 = x(data.xEdges[i]), y1 = y(data.yEdges[j]);
    cells.append('rect').attr('class', colour(value)).attr('x', x0).attr('width', x(data.xEdges[i + 1]) - x0 + 0.5)
      .attr('y', y(data.yEdges[j + 1])).attr('height', y1 - y(data.yEdges[j + 1]) + 0.5);
  }));
  ticks(svg, data.x, x, 'bottom', bottom, left);
  ticks(svg, data.y, y, 'left', bottom, left);
  svg.append('g').attr('class', 'points').selectAll('circle').data(data.points).enter().append('circle').attr('r', 2).attr('cx', (p) => x(p.u)).attr('cy', (p) => y(p.v));
  pointer(picture, data.points.map((p) => ({ x: x(p.u), y: y(p.v), href: `#/${at.ns}/${at.name}/trial/${p.number}`, text: `trial ${p.number}\n${data.metric} ${num(p.value, 7)}` })));
}

function ticks(svg, axis, scaleOf, side, bottom, left) {
  const drawn = d3.svg.axis().scale(scaleOf).orient(side).outerTickSize(0).innerTickSize(4).tickValues(axis.ticks.map((t) => t[0]))
    .tickFormat((value) => cut(axis.ticks.find((t) => t[0] === value)[1], 8));
  svg.append('g').attr('class', `axis ${side === 'left' ? 'y' : 'x'}`).attr('transform', side === 'left' ? `translate(${left},0)` : `translate(0,${bottom})`).call(drawn);
}

function scale(values, maximize) {
  const [low, high] = d3.extent(values);
  return (value) => {
    const share = high > low ? (value - low) / (high - low) : 1;
    return `q${Math.min(8, Math.floor(9 * (maximize ? share : 1 - share)))}`;
  };
}
