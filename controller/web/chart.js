// What all charts share: a picture as wide as its place, axes, and what is under the pointer. Colours are classes, so
// that light and dark need no new drawing. d3 (a classic script) makes scales, axes and lines.

import { h } from './dom.js';
import { num } from './format.js';

const d3 = globalThis.d3;
const NEAR = 28;

export const MARGIN = { top: 10, right: 14, bottom: 30, left: 58 };

// draw(picture, data) runs when the data or the width have changed.
export function chart({ height, label, draw }) {
  const svg = d3.select(document.createElementNS('http://www.w3.org/2000/svg', 'svg')).attr('role', 'img');
  const tip = h('div', { class: 'tip', hidden: true });
  const element = h('div', { class: 'chart' }, svg.node(), tip);
  let data, width = 0, text;

  function redraw() {
    if (!data || width < 60) return;
    const tall = typeof height === 'function' ? height(data, width) : height;
    svg.attr('width', width).attr('height', tall).attr('viewBox', `0 0 ${width} ${tall}`).attr('aria-label', label(data));
    svg.selectAll('*').remove();
    tip.hidden = true;
    draw({ svg, tip, element, width, height: tall, left: MARGIN.left, right: width - MARGIN.right, top: MARGIN.top, bottom: tall - MARGIN.bottom }, data);
  }

  new ResizeObserver((entries) => {
    const now = Math.floor(entries[0].contentRect.width);
    if (now === width) return;
    width = now;
    redraw();
  }).observe(element);

  return {
    element,
    update(next) {
      const now = JSON.stringify(next);
      if (now === text) return;
      text = now;
      data = next;
      redraw();
    },
    redraw,
  };
}

export function linear(domain, range) {
  let [low, high] = domain;
  if (!(high > low)) {
    const room = Math.abs(low) * 0.05 || 1;
    [low, high] = [low - room, high + room];
  }
  return d3.scale.linear().domain([low, high]).range(range);
}

// The range of values without the few that are far out: one diverged trial must not flatten all others.
export function bulk(values, keep) {
  const sorted = values.filter(Number.isFinite).sort(d3.ascending);
  if (!sorted.length) return [0, 1];
  const low = d3.quantile(sorted, 0.25), high = d3.quantile(sorted, 0.75), room = 3 * (high - low);
  const inside = sorted.filter((value) => value >= low - room && value <= high + room).concat(keep.filter(Number.isFinite));
  const [least, most] = d3.extent(inside);
  const air = (most - least) * 0.06 || Math.abs(most) * 0.05 || 1;
  return [least - air, most + air];
}

export function axes(picture, x, y, { xLabel, yLabel, xFormat, yFormat, xTicks, yTicks, xWhole } = {}) {
  const { svg, left, right, top, bottom } = picture;
  const across = d3.svg.axis().scale(x).orient('bottom').outerTickSize(0).innerTickSize(4);
  const wanted = Math.max(2, Math.floor((right - left) / 90));
  if (xTicks) across.tickValues(xTicks);
  else if (xWhole) across.tickValues(x.ticks(wanted).filter(Number.isInteger));
  else across.ticks(wanted);
  if (xFormat !== null) across.tickFormat(xFormat ?? ((value) => num(value)));
  const up = d3.svg.axis().scale(y).orient('left').outerTickSize(0).innerTickSize(-(right - left));
  if (yTicks) up.tickValues(yTicks);
  else up.ticks(Math.max(2, Math.floor((bottom - top) / 42)));
  up.tickFormat(yFormat ?? ((value) => num(value)));
  svg.append('g').attr('class', 'axis y').attr('transform', `translate(${left},0)`).call(up);
  svg.append('g').attr('class', 'axis x').attr('transform', `translate(0,${bottom})`).call(across);
  if (xLabel) svg.append('text').attr('class', 'label').attr('x', right).attr('y', bottom - 6).attr('text-anchor', 'end').text(xLabel);
  if (yLabel) svg.append('text').attr('class', 'label').attr('x', left + 6).attr('y', top + 8).text(yLabel);
}

export function clip(picture) {
  const id = `clip-${clip.next = (clip.next ?? 0) + 1}`;
  picture.svg.append('clipPath').attr('id', id).append('rect').attr('x', picture.left - 4).attr('y', picture.top - 4)
    .attr('width', Math.max(0, picture.right - picture.left + 8)).attr('height', Math.max(0, picture.bottom - picture.top + 8));
  return `url(#${id})`;
}

// Tells what is nearest to the pointer; points are { x, y, text, href }.
export function pointer(picture, points) {
  const { svg, tip, width } = picture;
  const mark = svg.append('circle').attr('class', 'mark').attr('r', 6).attr('visibility', 'hidden');
  let nearest;
  svg.on('mousemove', () => {
    const [mx, my] = d3.mouse(svg.node());
    nearest = undefined;
    let least = NEAR * NEAR;
    for (const point of points) {
      const distance = (point.x - mx) ** 2 + (point.y - my) ** 2;
      if (distance < least) { least = distance; nearest = point; }
    }
    tip.hidden = !nearest;
    mark.attr('visibility', nearest ? 'visible' : 'hidden');
    svg.classed('link', Boolean(nearest?.href));
    if (!nearest) return;
    mark.attr('cx', nearest.x).attr('cy', nearest.y);
    tip.textContent = nearest.text;
    place(tip, nearest.x, nearest.y, width);
  }).on('mouseleave', () => { tip.hidden = true; mark.attr('visibility', 'hidden'); })
    .on('click', () => { if (nearest?.href) location.hash = nearest.href; });
}

export function place(tip, x, y, width) {
  const right = x > width / 2;
  tip.style.left = right ? '' : `${x + 12}px`;
  tip.style.right = right ? `${width - x + 12}px` : '';
  tip.style.top = `${Math.max(0, y - 12)}px`;
}

// One of nine classes, the last for the best: places in the order of values, so that a few bad ones leave room.
export function ramp(values, maximize) {
  const sorted = values.filter(Number.isFinite).sort(d3.ascending);
  return (value) => {
    if (!Number.isFinite(value) || !sorted.length) return 'q-none';
    const share = sorted.length > 1 ? d3.bisectLeft(sorted, value) / (sorted.length - 1) : 1;
    return `q${Math.min(8, Math.floor(9 * (maximize ? share : 1 - share)))}`;
  };
}

export function legendRamp(metric, maximize) {
  return h('span', { class: 'legend' }, maximize ? 'low' : 'high',
    Array.from({ length: 9 }, (unused, i) => h('i', { class: `q${i}` })), maximize ? 'high' : 'low', ` ${metric}`);
}
