// Parallel coordinates: a line for each trial, an axis for each parameter, coloured by the metric. A range of an axis
// is chosen by dragging along it; lines outside of it fade.

import { chart, legendRamp, linear, MARGIN, place, ramp } from './chart.js';
import { num } from './format.js';

const d3 = globalThis.d3;
const MAX_AXES = 12;

export { legendRamp };

export function parallelChart(at) {
  const ranges = new Map();
  const picture = chart({
    height: (data) => (data.axes.length > 6 ? 320 : 280),
    label: (data) => `${data.points.length} of ${data.all} trials: ${data.axes.map((axis) => axis.name).join(', ')} against ${data.metric}`,
    draw: (canvas, data) => draw(canvas, data, at, ranges),
  });
  return picture;
}

function draw(canvas, data, at, ranges) {
  const { svg, tip, width, top } = canvas;
  const bottom = canvas.height - 26, head = top + 16;
  const axes = data.axes.slice(0, MAX_AXES).map((axis, i) => ({ ...axis, value: (p) => p[3 + i], scale: d3.scale.linear().domain([0, 1]).range([bottom, head]) }));
  const values = data.points.map((p) => p[1]);
  axes.push({ name: data.metric, value: (p) => p[1], scale: linear(d3.extent(values), [bottom, head]), metric: true });
  const x = d3.scale.linear().domain([0, axes.length - 1]).range([34, width - MARGIN.right - 44]);
  const colour = ramp(values, data.maximize);
  const line = d3.svg.line().defined((d) => d !== null);
  const at0 = (p) => axes.map((axis, i) => (axis.value(p) === null ? null : [x(i), axis.scale(axis.value(p))]));
  const order = [...data.points].sort((a, b) => (data.maximize ? a[1] - b[1] : b[1] - a[1]));
  const lines = svg.append('g').attr('class', 'lines').selectAll('path').data(order).enter().append('path')
    .attr('class', (p) => colour(p[1])).attr('d', (p) => line(at0(p)));
  const fade = () => lines.classed('faded', (p) => axes.some((axis, i) => {
    const range = ranges.get(axis.name);
    const place = axis.value(p) === null ? null : axis.scale(axis.value(p));
    return range && (place === null || place < range[0] || place > range[1]);
  }));
  axes.forEach((axis, i) => drawAxis(svg, axis, x(i), ranges, fade, i === axes.length - 1));
  fade();
  lines.on('mousemove', function (p) {
    tip.hidden = false;
    tip.textContent = `trial ${p[0]}\n${data.metric} ${num(p[1], 7)}`;
    const [mx, my] = d3.mouse(svg.node());
    place(tip, mx, my, width);
    d3.select(this).classed('over', true);
  }).on('mouseleave', function () { tip.hidden = true; d3.select(this).classed('over', false); })
    .on('click', (p) => { location.hash = `#/${at.ns}/${at.name}/trial/${p[0]}`; });
}

function drawAxis(svg, axis, x, ranges, fade, last) {
  const [low, high] = axis.scale.range();
  const g = svg.append('g').attr('class', 'axis strand').attr('transform', `translate(${x},0)`);
  g.append('line').attr('y1', low).attr('y2', high);
  const ticks = axis.metric ? axis.scale.ticks(5).map((value) => [value, num(value)]) : axis.ticks;
  for (const [value, text] of ticks) {
    const y = axis.scale(value);
    g.append('line').attr('x2', -3).attr('y1', y).attr('y2', y);
    g.append('text').attr('x', last ? 6 : -5).attr('y', y).attr('dy', '.32em').attr('text-anchor', last ? 'start' : 'end').text(cut(text, 9));
  }
  g.append('text').attr('class', 'name').attr('y', low + 18).attr('text-anchor', 'middle').text(cut(axis.name, 14)).append('title').text(axis.name);
  const brush = d3.svg.brush().y(d3.scale.linear().domain([high, low]).range([high, low]));
  const known = ranges.get(axis.name);
  if (known) brush.extent(known);
  brush.on('brush', () => {
    if (brush.empty()) ranges.delete(axis.name);
    else ranges.set(axis.name, brush.extent());
    fade();
  });
  g.append('g').attr('class', 'brush').call(brush).selectAll('rect').attr('x', -9).attr('width', 18);
}

export function cut(text, length) {
  return text.length > length ? `${text.slice(0, length - 1)}…` : text;
}
