// Learning curves. Each has at most a few hundred points: means of as many reports, with their range behind a single one.

import { axes, bulk, chart, clip, linear, pointer } from './chart.js';
import { empty } from './history.js';
import { num } from './format.js';

const d3 = globalThis.d3;

export function curvesChart(at, nothing, height = 220) {
  return chart({
    height,
    label: (data) => (data.curves.length
      ? `${data.metric} of ${data.curves.map((c) => `trial ${c.number}, ${num(c.points.at(-1)?.[1])} last`).join('; ')}` : nothing),
    draw: (picture, data) => draw(picture, data, at, nothing),
  });
}

function draw(picture, data, at, nothing) {
  const { svg, left, right, top, bottom } = picture;
  const curves = data.curves.filter((curve) => curve.points.length);
  if (!curves.length) { empty(picture, nothing); return; }
  const all = curves.flatMap((curve) => curve.points);
  const x = linear([Math.min(0, d3.min(all, (p) => p[0])), d3.max(all, (p) => p[0])], [left, right]);
  const y = linear(bulk(all.map((p) => p[1]), curves.map((c) => c.points.at(-1)[1])), [bottom, top]);
  axes(picture, x, y, { xWhole: true, xLabel: 'report', yLabel: data.metric });
  const inside = svg.append('g').attr('clip-path', clip(picture));
  const line = d3.svg.line().x((p) => x(p[0])).y((p) => y(p[1])).defined((p) => p[1] !== null);
  const area = d3.svg.area().x((p) => x(p[0])).y0((p) => y(p[2] ?? p[1])).y1((p) => y(p[3] ?? p[1])).defined((p) => p[1] !== null);
  const points = [];
  curves.forEach((curve, i) => {
    const colour = `c${i % 8}`;
    if (curves.length === 1 && curve.stride > 1) inside.append('path').attr('class', `band ${colour}`).attr('d', area(curve.points));
    inside.append('path').attr('class', `curve ${colour}`).attr('d', line(curve.points));
    if (curve.points.length < 40)
      inside.append('g').attr('class', `curve-dots ${colour}`).selectAll('circle').data(curve.points.filter((p) => p[1] !== null))
        .enter().append('circle').attr('r', 2).attr('cx', (p) => x(p[0])).attr('cy', (p) => y(p[1]));
    for (const p of curve.points)
      if (p[1] !== null) points.push({ x: x(p[0]), y: y(p[1]), href: data.link === false ? undefined : `#/${at.ns}/${at.name}/trial/${curve.number}`, text: `trial ${curve.number}, report ${p[0]}\n${data.metric} ${num(p[1], 7)}` });
  });
  pointer(picture, points);
}
