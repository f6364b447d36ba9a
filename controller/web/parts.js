// Small pieces that several views show.

import { h } from './dom.js';
import { count, plural } from './format.js';

const GOOD = ['Succeeded'];
const CUT = ['EarlyStopped'];
const BAD = ['Failed', 'MetricsUnavailable'];
const GONE = ['Killed'];
const NOW = ['Running', 'Starting', 'Stopping'];

export function sum(counts, states) {
  return states.reduce((all, state) => all + (counts[state] ?? 0), 0);
}

export function ended(counts) {
  return sum(counts, [...GOOD, ...CUT, ...BAD, ...GONE]);
}

// A bar of the trials by how they ended, out of the budget where there is one.
export function progress(counts, max) {
  const parts = [['good', sum(counts, GOOD)], ['cut', sum(counts, CUT)], ['bad', sum(counts, BAD)],
    ['gone', sum(counts, GONE)], ['now', sum(counts, NOW)]];
  const done = ended(counts);
  const all = Math.max(max || 0, parts.reduce((total, [, n]) => total + n, 0), 1);
  const words = Object.entries(counts).map(([state, n]) => `${count(n)} ${state}`).join(', ') || 'no trials yet';
  let from = 0;
  const bars = parts.map(([kind, n]) => {
    const bar = svgBar(kind, from / all, n / all);
    from += n;
    return bar;
  });
  const picture = document.createElementNS('http://www.w3.org/2000/svg', 'svg');
  picture.setAttribute('class', 'progress');
  picture.setAttribute('viewBox', '0 0 100 6');
  picture.setAttribute('preserveAspectRatio', 'none');
  picture.setAttribute('role', 'img');
  picture.setAttribute('aria-label', words);
  picture.append(...bars.filter(Boolean));
  return h('span', { class: 'progress-cell', title: words }, picture,
    h('span', { class: 'number' }, max ? `${count(done)}/${count(max)}` : count(done)));
}

function svgBar(kind, x, width) {
  if (!(width > 0)) return null;
  const bar = document.createElementNS('http://www.w3.org/2000/svg', 'rect');
  for (const [name, value] of Object.entries({ class: kind, x: 100 * x, width: 100 * width, y: 0, height: 6 }))
    bar.setAttribute(name, value);
  return bar;
}

export function trialLink(at, number, text) {
  return h('a', { href: `#/${encodeURIComponent(at.ns)}/${encodeURIComponent(at.name)}/trial/${number}`, 'data-key': `trial-${number}` },
    text ?? `#${number}`);
}

export function pairs(object) {
  return Object.entries(object).map(([name, value]) => `${name} ${value}`).join(' · ');
}

export function select(label, options, value, change) {
  return h('label', { class: 'select' }, h('span', {}, label),
    h('select', { change: (event) => change(event.target.value), 'aria-label': label },
      options.map((option) => h('option', { value: option, selected: option === value }, option))));
}

export function range(parameter) {
  if (parameter.listed > 0) {
    const rest = parameter.listed - parameter.list.length;
    return parameter.list.join(', ') + (rest > 0 ? ` and ${plural(rest, 'other')}` : '');
  }
  return `${parameter.min} … ${parameter.max}${parameter.step ? ` in steps of ${parameter.step}` : ''}`;
}

export function when(condition) {
  if (!condition) return '';
  if (condition.values.length) return `if ${condition.parameter} is ${condition.values.join(' or ')}`;
  return `if ${condition.parameter} is${condition.min ? ` from ${condition.min}` : ''}${condition.max ? ` up to ${condition.max}` : ''}`;
}
