// What the user may do to an experiment or a trial. Each asks where it cannot be undone, and says what came of it.

import { api } from './api.js';
import { askNumbers, confirm, toast } from './dialog.js';
import { h } from './dom.js';

async function run(work, done) {
  try {
    await work();
    toast(done);
  } catch (error) {
    toast(error.message, 'bad');
    return false;
  } finally {
    dispatchEvent(new Event('dozan:refresh'));
  }
  return true;
}

export async function stop(at) {
  if (await confirm({ title: `Stop ${at.name}?`, text: 'Its running trials end and will run again when it is resumed. Nothing that has completed is lost.', confirm: 'Stop' }))
    await run(() => api.act(at, 'stop'), `${at.name} is being stopped.`);
}

export const resume = (at) => run(() => api.act(at, 'resume'), `${at.name} goes on.`);

export async function raise(at, budget) {
  const fields = [
    { name: 'maxTrialCount', label: 'Trials in all', value: budget.max || '', min: 1 },
    { name: 'parallelTrialCount', label: 'At a time', value: budget.parallel, min: 1 },
    { name: 'maxFailedTrialCount', label: 'Failed trials that end it', value: budget.maxFailed >= 0 ? budget.maxFailed : '', min: 0 },
  ];
  const spec = await askNumbers({ title: 'Change the budget', text: 'An experiment that has ended because of its budget goes on.', fields, confirm: 'Change' });
  if (spec && Object.keys(spec).length) await run(() => api.raise(at, spec), 'The budget is changed.');
}

export async function remove(at) {
  if (!await confirm({ title: `Delete ${at.name}?`, text: 'The experiment, its trials and their metrics are removed for good.', confirm: 'Delete', danger: true })) return;
  if (await run(() => api.remove(at), `${at.name} is deleted.`)) location.hash = '#/';
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
