// Trials on slots: a bar for each of the latest, and above them how many ran at each time of the whole run.

import { api } from './api.js';
import { axes, chart, linear, MARGIN, place } from './chart.js';
import { h, panel, replace } from './dom.js';
import { count, duration, plural } from './format.js';
import { empty } from './history.js';

const d3 = globalThis.d3;
const LANE = 15;

export function timelineTab(at) {
  const load = chart({ height: 110, label: (data) => `Running trials over ${duration(data.to - data.from)}, ${data.parallel} slots`, draw: (picture, data) => drawLoad(picture, data, show) });
  const bars = chart({
    height: (data) => 44 + LANE * Math.max(1, Math.min(data.lanes, 64)),
    label: (data) => `${data.bars.length} of ${data.all} trials on ${data.lanes} slots`,
    draw: (picture, data) => drawBars(picture, data, at),
  });
  const aside = h('span', { class: 'quiet-text' });
  const latest = h('button', { type: 'button', class: 'small', hidden: true, click: () => show() }, 'Latest');
  const element = h('div', {}, panel('Running at a time', h('span', { class: 'quiet-text' }, 'choose a time to see its trials'), load.element),
    panel('Trials on slots', [aside, latest], bars.element, legend()));
  let to;
  function show(time) { to = time; dispatchEvent(new Event('dozan:refresh')); }

  async function refresh(e, signal) {
    const data = await api.view(at, 'timeline', { to }, signal);
    load.update({ ...data, bars: undefined });
    bars.update({ ...data, load: undefined, start: data.from });
    latest.hidden = to === undefined;
    replace(aside, data.bars.length < data.all ? `${count(data.bars.length)} of ${plural(data.all, 'trial')}` : plural(data.all, 'trial'));
  }
  return { element, refresh };
}

function legend() {
  return h('p', { class: 'legend' }, ['Succeeded', 'EarlyStopped', 'Failed', 'Killed', 'Running'].map((state) =>
    [h('i', { class: `bar ${state.toLowerCase()}` }), `${state} `]));
}

function drawLoad(picture, data, show) {
  const { svg, left, right, top, bottom } = picture;
  if (!data.load.length) { empty(picture, 'No trial has started yet.'); return; }
  const whole = data.to - data.from;
  const x = linear([0, whole], [left, right]);
  const y = linear([0, Math.max(data.parallel, d3.max(data.load))], [bottom, top]);
  axes(picture, x, y, { xFormat: (ms) => duration(ms), yLabel: 'running', yTicks: y.ticks(3).filter(Number.isInteger) });
  const width = whole / data.load.length;
  const steps = data.load.flatMap((level, i) => [[x(i * width), y(level)], [x((i + 1) * width), y(level)]]);
  svg.append('path').attr('class', 'load').attr('d', d3.svg.area().y0(bottom).y1((p) => p[1]).x((p) => p[0])(steps));
  svg.append('line').attr('class', 'goal').attr('x1', left).attr('x2', right).attr('y1', y(data.parallel)).attr('y2', y(data.parallel));
  svg.classed('link', true).on('click', () => {
    const [mx] = d3.mouse(svg.node());
    show(Math.round(data.from + Math.min(1, Math.max(0, (mx - left) / (right - left))) * whole));
  });
}

function drawBars(picture, data, at) {
  const { svg, tip, width, left, right, top } = picture;
  if (!data.bars.length) { empty(picture, 'No trial has started yet.'); return; }
  const low = d3.min(data.bars, (bar) => bar[2]), high = d3.max(data.bars, (bar) => bar[3]);
  const x = linear([low - data.start, Math.max(high, low + 1) - data.start], [left, right]);
  const y = linear([0, Math.min(data.lanes, 64)], [top, picture.bottom]);
  axes({ ...picture }, x, y, { xFormat: (ms) => duration(ms), xLabel: 'since the start', yTicks: [] });
  svg.append('g').attr('class', 'label').selectAll('text').data(d3.range(Math.min(data.lanes, 64))).enter().append('text')
    .attr('x', MARGIN.left - 8).attr('y', (lane) => y(lane + 0.5)).attr('dy', '.32em').attr('text-anchor', 'end').text((lane) => `slot ${lane + 1}`);
  svg.append('g').attr('class', 'lanes').selectAll('rect').data(data.bars).enter().append('rect')
    .attr('class', (bar) => `bar ${bar[4].toLowerCase()}`).attr('rx', 2)
    .attr('x', (bar) => x(bar[2] - data.start)).attr('width', (bar) => Math.max(1.5, x(bar[3] - data.start) - x(bar[2] - data.start) - 0.5))
    .attr('y', (bar) => y(bar[1]) + 1.5).attr('height', Math.max(2, y(1) - y(0) - 3))
    .on('mousemove', (bar) => {
      const [mx, my] = d3.mouse(svg.node());
      tip.hidden = false;
      tip.textContent = `trial ${bar[0]}\n${bar[4]}, ${duration(bar[3] - bar[2])}`;
      place(tip, mx, my, width);
    }).on('mouseleave', () => { tip.hidden = true; })
    .on('click', (bar) => { location.hash = `#/${at.ns}/${at.name}/trial/${bar[0]}`; });
}
