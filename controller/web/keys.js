// Keys. One letter each, and never while something is being typed.

import { h } from './dom.js';
import { show } from './dialog.js';

const COMMON = [
  ['?', 'this list'],
  ['t', 'light or dark'],
  ['g', 'go to the list of experiments'],
  ['n', 'a new experiment'],
  ['/', 'search or filter'],
  ['j  k', 'next or previous row'],
  ['Enter', 'open the row'],
  ['Esc', 'close a dialog; up to the page above'],
];

let getView = () => undefined;

export function showHelp() {
  const rows = [...COMMON, ...(getView()?.keys ?? []).map((key) => [key.key, key.text])];
  return show({
    title: 'Keys',
    content: h('table', { class: 'keys' }, h('tbody', {}, rows.map(([key, text]) =>
      h('tr', {}, h('th', { scope: 'row' }, key.split(/ +/).map((one) => h('kbd', {}, one))), h('td', {}, text))))),
  });
}

function isTyping(event) {
  return event.ctrlKey || event.metaKey || event.altKey ||
    event.target.closest?.('input, textarea, select, [contenteditable]') || document.querySelector('dialog[open]');
}

function moveRow(step) {
  const rows = [...document.querySelectorAll('tbody tr[data-href]')];
  if (!rows.length) return;
  const now = rows.indexOf(document.activeElement.closest?.('tr[data-href]'));
  const next = rows[Math.min(rows.length - 1, Math.max(0, now + step))];
  next.querySelector('a')?.focus();
  next.scrollIntoView({ block: 'nearest' });
}

function goUp() {
  const parts = location.hash.replace(/^#\/?/, '').split('?')[0].split('/');
  location.hash = parts.length > 2 && parts[2] !== '' ? `#/${parts[0]}/${parts[1]}` : '#/';
}

export function bindKeys({ theme, view }) {
  getView = view;
  const common = {
    '?': showHelp,
    t: theme,
    g: () => { location.hash = '#/'; },
    n: () => { location.hash = '#/new'; },
    '/': () => document.querySelector('input[type=search]')?.focus(),
    j: () => moveRow(1),
    k: () => moveRow(-1),
    Escape: goUp,
  };
  addEventListener('keydown', (event) => {
    if (event.key === 'Escape' && event.target.matches?.('input, textarea')) { event.target.blur(); return; }
    if (isTyping(event)) return;
    const own = (view()?.keys ?? []).find((key) => key.key.split(/ +/).includes(event.key));
    const run = own ? () => own.run(event.key) : common[event.key];
    if (!run) return;
    event.preventDefault();
    run();
  });
}
