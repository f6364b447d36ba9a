// One experiment: its head, and a tab for each way of looking at it.

import { api } from './api.js';
import * as actions from './actions.js';
import { badge, field, h, patch, replace } from './dom.js';
import { ago, count, duration, num, plural } from './format.js';
import { progress, sum, trialLink } from './parts.js';
import { overviewTab } from './overview.js';
import { trialsTab } from './trials.js';
import { analysisTab } from './analysis.js';
import { timelineTab } from './timeline.js';
import { definitionTab } from './definition.js';

const TABS = [
  ['overview', 'Overview', overviewTab],
  ['trials', 'Trials', trialsTab],
  ['analysis', 'Analysis', analysisTab],
  ['timeline', 'Timeline', timelineTab],
  ['definition', 'Definition', definitionTab],
];

export function experimentView(at) {
  const base = `#/${encodeURIComponent(at.ns)}/${encodeURIComponent(at.name)}`;
  const title = h('div', { class: 'head' });
  const says = h('p', { class: 'says' });
  const stats = h('dl', { class: 'stats' });
  const tabs = h('nav', { class: 'tabs', 'aria-label': 'Views of the experiment' });
  const place = h('div', { class: 'tab' });
  const element = h('div', {}, title, says, stats, tabs, place);
  let tab, name, latest, drawn;

  function choose(next) {
    name = next.tab ?? 'overview';
    at.query = next.query;
    const [, , make] = TABS.find(([key]) => key === name);
    tab?.close?.();
    tab = make(at);
    replace(place, tab.element);
    drawTabs();
  }

  function drawTabs() {
    replace(tabs, TABS.map(([key, label]) => h('a', {
      href: `${base}/${key}`, 'aria-current': key === name ? 'page' : undefined,
    }, label)));
  }

  // The buttons hold listeners, so they are made anew only when what they depend on changes.
  function drawHead(e) {
    const key = JSON.stringify([e.state, e.budget.max, e.budget.parallel, e.budget.maxFailed]);
    if (key === drawn) return;
    drawn = key;
    replace(title, h('h1', {}, e.name, ' ', badge(e.state)), h('div', { class: 'buttons' },
      !e.ended && e.state !== 'Suspended' && actions.button('Stop', 'stop', () => actions.stop(at)),
      e.state === 'Suspended' && actions.button('Resume', 'resume', () => actions.resume(at), 'primary'),
      actions.button('Budget…', 'raise', () => actions.raise(at, latest.budget, latest.ended)),
      actions.button('CSV', 'csv', () => actions.save(at, 'csv')),
      actions.button('JSON', 'json', () => actions.save(at, 'json')),
      actions.button('Delete…', 'delete', () => actions.remove(at), 'quiet-danger')));
  }

  async function refresh(signal) {
    const e = await api.view(at, '', {}, signal);
    latest = e;
    drawHead(e);
    const last = e.conditions.at(-1);
    patch(says, last?.message, last && h('small', {}, ago(last.changed, e.now)));
    patch(stats, drawStats(at, e));
    await tab.refresh(e, signal);
    return !e.ended;
  }

  choose(at);
  const keys = [
    { key: '1 2 3 4 5', text: 'the tabs', run: (key) => { location.hash = `${base}/${TABS[key - 1][0]}`; } },
    { key: 's', text: 'stop or resume', run: () => title.querySelector('[data-do=stop], [data-do=resume]')?.click() },
    { key: 'b', text: 'change the budget', run: () => title.querySelector('[data-do=raise]')?.click() },
  ];
  return {
    element, refresh,
    get keys() { return [...keys, ...(tab.keys ?? [])]; },
    close: () => tab.close?.(),
    move(next) {
      if (next.ns !== at.ns || next.name !== at.name) return false;
      if ((next.tab ?? 'overview') !== name) choose(next);
      else { at.query = next.query; tab.move?.(); }
      return true;
    },
  };
}

function drawStats(at, e) {
  const objective = e.objectives[0];
  const running = sum(e.counts, ['Running', 'Starting', 'Stopping']);
  const waiting = sum(e.counts, ['Pending']);
  const failed = sum(e.counts, ['Failed', 'MetricsUnavailable']);
  const limit = e.budget.maxRuntime ? ` of ${duration(e.budget.maxRuntime)}` : '';
  return [
    field(`Best ${objective.metric}`, e.best ? num(e.best.value, 6) : '–',
      e.best ? trialLink(at, e.best.number, `trial ${e.best.number}`) : objective.type),
    field('Trials', progress(e.counts, e.budget.max), waiting ? `${count(waiting)} waiting` : ''),
    field('Running', count(running), `of ${count(e.budget.parallel)} slots`),
    field('Failed', count(failed), e.budget.maxFailed >= 0 ? `ends at ${count(e.budget.maxFailed)}` : ''),
    field('Running time', duration(e.budget.runtime), limit),
    field('Algorithm', e.algorithm.name, e.earlyStopping ? `stops by ${e.earlyStopping.name}` : plural(e.parameters.length, 'parameter')),
    e.objectives.length > 1 && field('Pareto front', count(e.front), plural(e.objectives.length, 'objective')),
  ];
}
