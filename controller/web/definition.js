// What the experiment was made from: its space, its settings, its conditions, and its text.

import { api } from './api.js';
import { h, panel, patch } from './dom.js';
import { ago, num, time } from './format.js';
import { range, when } from './parts.js';
import { dumpYaml } from './yaml.js';

export function definitionTab(at) {
  const space = h('tbody'), facts = h('tbody'), conditions = h('tbody');
  const text = h('pre', { class: 'source', tabindex: 0, 'aria-label': 'The text that was sent' });
  const head = (titles) => h('thead', {}, h('tr', {}, titles.map((title) => h('th', { scope: 'col' }, title))));
  const element = h('div', {},
    panel('Search space', '', h('div', { class: 'scroll', tabindex: 0, role: 'region', 'aria-label': 'Search space' },
      h('table', { class: 'list' }, head(['Parameter', 'Type', 'Distribution', 'Values', 'When']), space))),
    h('div', { class: 'grid' }, panel('Facts', '', h('table', { class: 'values' }, facts)),
      panel('Conditions', '', h('div', { class: 'scroll', tabindex: 0, role: 'region', 'aria-label': 'Conditions' }, h('table', { class: 'list compact' }, head(['Type', 'Reason', 'Message', 'Since']), conditions)))),
    panel('Text', h('button', { type: 'button', class: 'small', click: () => navigator.clipboard?.writeText(text.textContent) }, 'Copy'), text));

  async function refresh(e, signal) {
    patch(space, e.parameters.map((p) => h('tr', {}, h('th', { scope: 'row' }, p.name), h('td', {}, p.type), h('td', {}, p.distribution ?? ''),
      h('td', { class: 'wrap' }, range(p)), h('td', {}, when(p.when) || 'always'))));
    patch(facts, factsOf(e).filter(([, value]) => value).map(([name, value]) => h('tr', {}, h('th', { scope: 'row' }, name), h('td', {}, value))));
    patch(conditions, e.conditions.map((c) => h('tr', {}, h('td', {}, c.type, !c.status && h('small', {}, 'no longer')), h('td', {}, c.reason ?? ''),
      h('td', { class: 'wrap' }, c.message ?? ''), h('td', { title: time(c.changed) }, ago(c.changed, e.now)))));
    if (!text.textContent || text.dataset.max !== String(e.budget.max)) {
      const source = await api.view(at, 'source', {}, signal);
      text.textContent = readable(source.text);
      text.dataset.max = e.budget.max;
    }
  }
  return { element, refresh };
}

// As it was written; what came as JSON, from a client, as YAML.
function readable(text) {
  if (!text.trimStart().startsWith('{')) return text;
  try {
    const { apiVersion, kind, metadata, ...rest } = JSON.parse(text);
    return dumpYaml({ apiVersion, kind, metadata, ...rest });
  } catch {
    return text;
  }
}

function factsOf(e) {
  const settings = (one) => one && [one.name, ...Object.entries(one.settings).map(([name, value]) => `${name}=${value}`)].join(' ');
  return [
    ...e.objectives.map((o, i) => [i ? 'and' : 'Objective', `${o.type} ${o.metric}${o.goal === undefined ? '' : `, goal ${num(o.goal)}`}`]),
    ...e.constraints.map((c) => ['Constraint', `${c.metric}${c.min === undefined ? '' : ` ≥ ${num(c.min)}`}${c.max === undefined ? '' : ` ≤ ${num(c.max)}`}`]),
    ['Algorithm', settings(e.algorithm)], ['Early stopping', settings(e.earlyStopping)],
    ['Suggestions', [e.suggestion.reason, e.suggestion.message].filter(Boolean).join(': ')],
    ['Plugin faults', e.suggestion.faults ? `${e.suggestion.faults}; the last: ${e.suggestion.fault ?? ''}` : ''],
    ['Warm start', e.warmStart], ['Seed', e.seed], ['UID', e.uid],
    ['Created', time(e.created)], ['Started', e.started && time(e.started)], ['Completed', e.completed && time(e.completed)],
  ];
}
