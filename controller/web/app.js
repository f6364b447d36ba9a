// The frame of the page: which view is shown, its refreshing, the keys, light and dark.

import { ApiError, setToken } from './api.js';
import { h, replace, note } from './dom.js';
import { bindKeys, showHelp } from './keys.js';
import { ask } from './dialog.js';
import { experimentsView } from './experiments.js';
import { experimentView } from './experiment.js';
import { trialView } from './trial.js';
import { compareView } from './compare.js';
import { createView } from './create.js';

const main = document.getElementById('main');
const live = document.querySelector('.live');
const crumbs = document.querySelector('.crumbs');
const SOON = 2000, LATER = 15000;

// "#/ns/name/trials?sort=lr" -> the view, its place, and its query.
const routes = [
  [/^$/, experimentsView, []],
  [/^new$/, createView, []],
  [/^([^/]+)\/([^/]+)\/trial\/(\d+)$/, trialView, ['ns', 'name', 'trial']],
  [/^([^/]+)\/([^/]+)\/compare\/([\d,]+)$/, compareView, ['ns', 'name', 'trials']],
  [/^([^/]+)\/([^/]+)(?:\/(overview|trials|analysis|timeline|definition))?$/, experimentView, ['ns', 'name', 'tab']],
];

let current;

function parse() {
  const [path, query] = location.hash.replace(/^#\/?/, '').split('?');
  for (const [pattern, view, names] of routes) {
    const found = pattern.exec(path.replace(/\/$/, ''));
    if (!found) continue;
    const at = { query: Object.fromEntries(new URLSearchParams(query)) };
    names.forEach((name, i) => { at[name] = found[i + 1] && decodeURIComponent(found[i + 1]); });
    return { view, at };
  }
  return { view: experimentsView, at: { query: {} } };
}

function setCrumbs(at) {
  const base = at.name && `#/${encodeURIComponent(at.ns)}/${encodeURIComponent(at.name)}`;
  replace(crumbs,
    at.name && [h('span', {}, at.ns), h('a', { href: base }, at.name)],
    at.trial && h('span', {}, `trial ${at.trial}`),
    at.trials && h('span', {}, 'compare'));
  document.title = [at.trial && `trial ${at.trial}`, at.name, 'Dozan'].filter(Boolean).join(' · ');
}

// A view is { element, refresh(signal) -> whether it is still changing, keys, close() }.
async function open() {
  const { view, at } = parse();
  if (current && current.make === view && current.view.move?.(at)) {
    current.at = at;
    setCrumbs(at);
    return refresh();
  }
  current?.view.close?.();
  current?.stop.abort();
  clearTimeout(current?.timer);
  const stop = new AbortController();
  current = { make: view, at, stop, view: view(at, stop.signal) };
  replace(main, current.view.element);
  setCrumbs(at);
  window.scrollTo(0, 0);
  await refresh();
}

async function refresh() {
  const own = current;
  clearTimeout(own.timer);
  if (own.busy) { own.again = true; return; }
  own.busy = true;
  let wait = LATER;
  try {
    if (await own.view.refresh(own.stop.signal)) wait = SOON;
    say(own, '');
    document.body.dataset.ready = location.hash || '#/';
  } catch (error) {
    if (error.name === 'AbortError') return;
    wait = SOON;
    await explain(own, error);
  } finally {
    own.busy = false;
  }
  if (own !== current) return;
  if (own.again) { own.again = false; refresh(); return; }
  own.timer = setTimeout(refresh, document.hidden ? LATER * 4 : wait);
}

function say(own, text) {
  if (own !== current) return;
  if (live.textContent !== text) live.textContent = text;
  own.failed?.remove();
}

async function explain(own, error) {
  if (own !== current) return;
  if (!(error instanceof ApiError)) console.error(error);
  if (error.status === 401) {
    const token = await ask({ title: 'This server asks for a token', label: 'Token', kind: 'password', confirm: 'Go on' });
    if (token) setToken(token);
    own.again = Boolean(token);
  }
  const text = error instanceof ApiError ? error.message : `The page has a fault: ${error.message}`;
  own.failed?.remove();
  own.failed = note(text, 'bad');
  main.prepend(own.failed);
}

function setTheme(theme) {
  if (theme) document.documentElement.dataset.theme = theme;
  else delete document.documentElement.dataset.theme;
}

function toggleTheme() {
  const shown = document.documentElement.dataset.theme ??
    (matchMedia('(prefers-color-scheme: dark)').matches ? 'dark' : 'light');
  const next = shown === 'dark' ? 'light' : 'dark';
  localStorage.setItem('dozan.theme', next);
  setTheme(next);
}

setTheme(localStorage.getItem('dozan.theme'));
document.querySelector('[data-do=theme]').addEventListener('click', toggleTheme);
document.querySelector('[data-do=help]').addEventListener('click', showHelp);
bindKeys({ theme: toggleTheme, view: () => current?.view });
addEventListener('hashchange', open);
addEventListener('dozan:refresh', refresh);
document.addEventListener('visibilitychange', () => { if (!document.hidden) refresh(); });
open();
