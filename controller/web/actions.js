// What the user may do to an experiment or a trial. Each asks where it cannot be undone, and says what came of it.

import { api } from './api.js';
import { askNumbers, confirm, toast } from './dialog.js';
import { h } from './dom.js';

// Does it, says so, and shows what it changed, or the place `next`.
async function run(work, done, next) {
  try {
    await work();
    toast(done);
    if (next) location.hash = next;
  } catch (error) {
    toast(error.message, 'bad');
    next = undefined;
  }
  if (!next) dispatchEvent(new Event('dozan:refresh'));
}

export async function stop(at) {
  if (await confirm({ title: `Stop ${at.name}?`, text: 'Its running trials end and will run again when it is resumed. Nothing that has completed is lost.', confirm: 'Stop' }))
    await run(() => api.act(at, 'stop'), `${at.name} is being stopped.`);
}

export const resume = (at) => run(() => api.act(at, 'resume'), `${at.name} goes on.`);

// One that has ended goes on only where its resumePolicy says so; who raises its budget wants that.
export async function raise(at, budget, ended) {
  const fields = [
    { name: 'maxTrialCount', label: 'Trials in all', value: budget.max || '', min: 1 },
    { name: 'parallelTrialCount', label: 'At a time', value: budget.parallel, min: 1 },
    { name: 'maxFailedTrialCount', label: 'Failed trials that end it', value: budget.maxFailed >= 0 ? budget.maxFailed : '', min: 0 },
  ];
  const spec = await askNumbers({ title: 'Change the budget', text: 'An experiment that has ended because of its budget goes on.', fields, confirm: 'Change' });
  if (!spec || !Object.keys(spec).length) return;
  if (ended) spec.resumePolicy = 'LongRunning';
  await run(() => api.raise(at, spec), 'The budget is changed.');
}

export async function remove(at) {
  if (!await confirm({ title: `Delete ${at.name}?`, text: 'The experiment, its trials and their metrics are removed for good.', confirm: 'Delete', danger: true })) return;
  await run(() => api.remove(at), `${at.name} is deleted.`, '#/');
}

export async function kill(at, number) {
  if (await confirm({ title: `Kill trial ${number}?`, text: 'It ends now and counts as killed; the search goes on without it.', confirm: 'Kill', danger: true }))
    await run(() => api.actOnTrial(at, number, 'kill'), `Trial ${number} is being killed.`);
}

export const retry = (at, number) => run(() => api.actOnTrial(at, number, 'retry'), `The point of trial ${number} is tried again as a new trial.`);

export async function save(at, format) {
  try {
    await api.download(at, format);
  } catch (error) {
    toast(error.message, 'bad');
  }
}

export function button(label, doing, work, kind = '') {
  return h('button', { type: 'button', class: kind, 'data-do': doing, 'data-key': doing, click: work }, label);
}
