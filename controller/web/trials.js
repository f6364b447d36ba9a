// The table of trials: sorting, filtering and paging are the server's; this shows a page of it.

import { api } from './api.js';
import { badge, h, patch, replace } from './dom.js';
import { count, duration, num, plural, time } from './format.js';
import { trialLink } from './parts.js';

const PAGE = 25;
const STATES = ['Running', 'Pending', 'Succeeded', 'EarlyStopped', 'Failed', 'Killed', 'MetricsUnavailable'];

export function trialsTab(at) {
  const ask = { sort: '-number', q: '', state: '', offset: 0, ...known(at.query) };
  const chosen = new Set();
  let wait, total = 0, columns = '';
  const search = h('input', {
    type: 'search', value: ask.q, placeholder: 'lr<0.01 accuracy>0.9', 'aria-label': 'Filter: conditions such as lr<0.01, a number, or a part of a name',
    input: () => { clearTimeout(wait); wait = setTimeout(() => go({ q: search.value.trim(), offset: 0 }), 250); },
  });
  const chips = h('div', { class: 'chips', role: 'group', 'aria-label': 'States' });
  const compare = h('button', { type: 'button', 'data-do': 'compare', disabled: true, click: openCompare }, 'Compare');
  const head = h('tr'), body = h('tbody');
  const foot = h('div', { class: 'pager' });
  const says = h('p', { class: 'note bad', role: 'alert', hidden: true });
  const element = h('div', {}, h('div', { class: 'bar' }, chips, search, compare), says,
    h('div', { class: 'scroll', tabindex: 0, role: 'region', 'aria-label': 'Trials' }, h('table', { class: 'list trials' }, h('thead', {}, head), body)), foot);

  const again = () => dispatchEvent(new Event('dozan:refresh'));
  function go(change) { Object.assign(ask, change); again(); }
  function turn(step) { if (step < 0 ? ask.offset > 0 : ask.offset + PAGE < total) go({ offset: Math.max(0, ask.offset + step * PAGE) }); }
  function openCompare() {
    if (chosen.size > 1) location.hash = `#/${at.ns}/${at.name}/compare/${[...chosen].sort((a, b) => a - b).join(',')}`;
  }

  element.addEventListener('click', (event) => {
    const target = event.target.closest('button');
    if (!target) return;
    if (target.dataset.sort) go({ sort: ask.sort === `-${target.dataset.sort}` ? target.dataset.sort : `-${target.dataset.sort}`, offset: 0 });
    if (target.dataset.state !== undefined) go({ state: target.dataset.state, offset: 0 });
    if (target.dataset.turn) turn(Number(target.dataset.turn));
  });
  body.addEventListener('change', (event) => {
    const number = Number(event.target.value);
    if (event.target.checked && chosen.size < 12) chosen.add(number);
    else { chosen.delete(number); event.target.checked = false; }
    drawCompare();
  });
  function drawCompare() {
    compare.disabled = chosen.size < 2;
    compare.textContent = chosen.size ? `Compare ${chosen.size}` : 'Compare';
  }

  function drawHead(e) {
    const all = columnsOf(e);
    const key = JSON.stringify([all, ask.sort]);
    if (key === columns) return;
    columns = key;
    replace(head, h('th', { scope: 'col' }, h('span', { class: 'hidden' }, 'Compare')), all.map(([name, title, numeric]) => {
      const way = ask.sort === name ? 'ascending' : ask.sort === `-${name}` ? 'descending' : undefined;
      return h('th', { scope: 'col', 'aria-sort': way, class: numeric ? 'number' : '' },
        h('button', { type: 'button', class: 'sort', 'data-sort': name }, title, h('span', { 'aria-hidden': 'true' }, way === 'ascending' ? ' ↑' : way ? ' ↓' : '')));
    }));
  }

  function drawChips(e) {
    const chip = (state, n) => h('button', { type: 'button', 'aria-pressed': String(ask.state === state), 'data-state': state, 'data-key': `chip-${state}` }, state || 'All', h('span', {}, count(n)));
    patch(chips, chip('', e.trials), STATES.filter((state) => e.counts[state]).map((state) => chip(state, e.counts[state])));
  }

  async function refresh(e, signal) {
    drawChips(e);
    drawHead(e);
    let page;
    try {
      page = await api.view(at, 'trials', { ...ask, limit: PAGE }, signal);
    } catch (error) {
      if (error.status !== 400) throw error;
      says.textContent = error.message;
      says.hidden = false;
      return;
    }
    says.hidden = true;
    total = page.total;
    patch(body, page.items.map((trial) => row(at, e, trial, page.now, chosen)));
    patch(foot, h('button', { type: 'button', 'data-turn': -1, 'data-key': 'back', disabled: ask.offset === 0 }, 'Back'),
      h('span', {}, total ? `${count(ask.offset + 1)}–${count(ask.offset + page.items.length)} of ${plural(total, 'trial')}` : 'No trial is like that.'),
      h('button', { type: 'button', 'data-turn': 1, 'data-key': 'on', disabled: ask.offset + PAGE >= total }, 'On'));
  }

  const keys = [
    { key: '[ ]', text: 'page back or on', run: (key) => turn(key === '[' ? -1 : 1) },
    { key: 'x', text: 'choose the row for comparing', run: () => document.activeElement.closest?.('tr')?.querySelector('input')?.click() },
    { key: 'c', text: 'compare the chosen trials', run: openCompare },
  ];
  return { element, refresh, keys, move: () => go(known(at.query)) };
}

function known(query) {
  return Object.fromEntries(Object.entries(query ?? {}).filter(([key]) => ['sort', 'q', 'state'].includes(key)));
}

// [what it is sorted by, title, is it a number]
function columnsOf(e) {
  return [['number', 'Trial'], ['state', 'State'],
    ...e.metrics.map((metric) => [`metric:${metric.name}`, metric.name, true]),
    ...e.parameters.map((parameter) => [`parameter:${parameter.name}`, parameter.name, parameter.type !== 'categorical']),
    ['duration', 'Duration', true], ['started', 'Started', true]];
}

function row(at, e, trial, now, chosen) {
  const isBest = e.best?.number === trial.number;
  return h('tr', { 'data-href': trial.number, class: isBest ? 'is-best' : '' },
    h('td', {}, h('input', { type: 'checkbox', value: trial.number, checked: chosen.has(trial.number), 'data-key': `check-${trial.number}`, 'aria-label': `Compare trial ${trial.number}` })),
    h('th', { scope: 'row' }, trialLink(at, trial.number), isBest && h('small', {}, 'best'), trial.feasible === false && trial.ended && h('small', {}, 'infeasible')),
    h('td', { title: trial.message }, badge(trial.state)),
    e.metrics.map((metric) => h('td', { class: 'number' }, num(trial.metrics[metric.name]))),
    e.parameters.map((parameter) => h('td', { class: parameter.type !== 'categorical' ? 'number' : '' },
      trial.parameters[parameter.name] === undefined ? '–' : num(trial.parameters[parameter.name]))),
    h('td', { class: 'number' }, trial.started ? duration((trial.finished || now) - trial.started) : '–'),
    h('td', { class: 'number' }, time(trial.started)));
}
