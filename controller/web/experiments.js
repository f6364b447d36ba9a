// The list of experiments.

import { api } from './api.js';
import { badge, h, patch, replace } from './dom.js';
import { ago, count, duration, num, plural } from './format.js';
import { progress } from './parts.js';

const PAGE = 50;
const STATES = ['Running', 'Created', 'Restarting', 'Suspended', 'Succeeded', 'Failed'];

export function experimentsView() {
  const ask = { q: '', state: '', offset: 0 };
  let wait;
  const search = h('input', {
    type: 'search', placeholder: 'Search by name', 'aria-label': 'Search by name',
    input: () => { clearTimeout(wait); wait = setTimeout(() => { ask.q = search.value.trim(); ask.offset = 0; again(); }, 200); },
  });
  const chips = h('div', { class: 'chips', role: 'group', 'aria-label': 'States' });
  const body = h('tbody');
  const table = h('table', { class: 'list experiments' },
    h('thead', {}, h('tr', {}, ['Name', 'State', 'Trials', 'Best', 'Algorithm', 'Time', 'Created'].map((title) =>
      h('th', { scope: 'col' }, title)))), body);
  const foot = h('div', { class: 'pager' });
  const empty = h('div');
  const element = h('div', {},
    h('div', { class: 'head' }, h('h1', {}, 'Experiments'),
      h('a', { class: 'button primary', href: '#/new' }, 'New experiment')),
    h('div', { class: 'bar' }, chips, search), table, empty, foot);

  const again = () => dispatchEvent(new Event('dozan:refresh'));

  function drawChips(states) {
    const all = Object.values(states).reduce((sum, n) => sum + n, 0);
    const chip = (state, label, n) => h('button', {
      type: 'button', 'aria-pressed': String(ask.state === state), 'data-key': `chip-${state}`,
      'data-state': state,
    }, label, h('span', {}, count(n)));
    patch(chips, chip('', 'All', all), STATES.filter((state) => states[state]).map((state) => chip(state, state, states[state])));
  }

  chips.addEventListener('click', (event) => {
    const chip = event.target.closest('button');
    if (!chip) return;
    ask.state = chip.dataset.state;
    ask.offset = 0;
    again();
  });

  function turn(step) {
    ask.offset = Math.max(0, ask.offset + step * PAGE);
    again();
  }

  async function refresh(signal) {
    const list = await api.experiments({ ...ask, limit: PAGE }, signal);
    drawChips(list.states);
    patch(body, list.items.map((item) => row(item, list.now)));
    table.hidden = list.items.length === 0;
    replace(empty, list.items.length === 0 && nothing(ask));
    patch(foot, list.total > PAGE && [
      h('button', { type: 'button', 'data-key': 'back', disabled: ask.offset === 0, 'data-turn': -1 }, 'Newer'),
      h('span', {}, `${count(ask.offset + 1)}–${count(ask.offset + list.items.length)} of ${plural(list.total, 'experiment')}`),
      h('button', { type: 'button', 'data-key': 'on', disabled: ask.offset + PAGE >= list.total, 'data-turn': 1 }, 'Older')]);
    return list.items.some((item) => !item.ended);
  }
  foot.addEventListener('click', (event) => {
    if (event.target.dataset.turn) turn(Number(event.target.dataset.turn));
  });
  const keys = [{ key: '[ ]', text: 'newer or older page', run: (key) => turn(key === '[' ? -1 : 1) }];
  return { element, refresh, keys };
}

function nothing(ask) {
  if (ask.q || ask.state) return h('p', { class: 'empty' }, 'No experiment is like that.');
  return h('div', { class: 'empty' }, h('p', {}, 'There are no experiments yet.'),
    h('p', {}, h('a', { class: 'button', href: '#/new' }, 'Create one here'), ' or send one: '),
    h('pre', {}, `kubectl --server ${location.origin} create -f experiment.yaml`));
}

function row(item, now) {
  const href = `#/${encodeURIComponent(item.namespace)}/${encodeURIComponent(item.name)}`;
  const objective = item.objectives[0];
  const time = item.started ? duration((item.completed || now) - item.started) : '–';
  return h('tr', { 'data-href': href },
    h('th', { scope: 'row' }, h('a', { href, 'data-key': href }, item.name),
      item.namespace !== 'default' && h('small', {}, item.namespace)),
    h('td', { 'data-label': 'State' }, badge(item.state)),
    h('td', { 'data-label': 'Trials' }, progress(item.counts, item.maxTrials)),
    h('td', { class: 'best', 'data-label': 'Best' }, item.best ? [h('b', {}, num(item.best.value)), h('small', {}, objective.metric)] : '–'),
    h('td', { 'data-label': 'Algorithm' }, item.algorithm),
    h('td', { class: 'number', 'data-label': 'Time' }, time),
    h('td', { class: 'number', 'data-label': 'Created' }, ago(item.created, now)));
}
