// Questions to the user, in the browser's own modal dialog: focus stays inside, Escape closes.

import { h } from './dom.js';

function open(content, { title }) {
  return new Promise((resolve) => {
    const dialog = h('dialog', { 'aria-label': title });
    dialog.addEventListener('close', () => { dialog.remove(); resolve(dialog.result); });
    dialog.append(h('form', { method: 'dialog', submit: (event) => { event.preventDefault(); dialog.close(); } },
      h('h2', {}, title), content(dialog)));
    document.body.append(dialog);
    dialog.showModal();
  });
}

function buttons(dialog, { confirm, danger, read }) {
  return h('div', { class: 'buttons' },
    h('button', { type: 'button', click: () => dialog.close() }, 'Cancel'),
    h('button', { class: danger ? 'danger' : 'primary', 'data-do': 'confirm', click: () => { dialog.result = read(); } }, confirm));
}

// True when the user agrees.
export function confirm({ title, text, confirm: word, danger }) {
  return open((dialog) => [h('p', {}, text), buttons(dialog, { confirm: word, danger, read: () => true })], { title });
}

// The text that the user gives, or undefined.
export function ask({ title, label, value, kind = 'text', confirm: word }) {
  return open((dialog) => {
    const input = h('input', { type: kind, value: value ?? '', autofocus: true, required: true });
    return [h('label', {}, label, input), buttons(dialog, { confirm: word, read: () => input.value })];
  }, { title });
}

// Several numbers: { name: value } of those that were changed, or undefined.
export function askNumbers({ title, text, fields, confirm: word }) {
  return open((dialog) => {
    const inputs = fields.map((field) => h('input', { type: 'number', min: field.min, step: 1, value: field.value ?? '', name: field.name }));
    const read = () => Object.fromEntries(fields.map((field, i) => [field.name, inputs[i].value])
      .filter(([, value], i) => value !== '' && value !== String(fields[i].value ?? '')).map(([name, value]) => [name, Number(value)]));
    return [h('p', {}, text), fields.map((field, i) => h('label', {}, field.label, inputs[i])), buttons(dialog, { confirm: word, read })];
  }, { title });
}

export function show({ title, content }) {
  return open((dialog) => [content, h('div', { class: 'buttons' },
    h('button', { class: 'primary', autofocus: true, click: () => { dialog.result = true; } }, 'Close'))], { title });
}

// A sentence at the bottom of the page for a few seconds; read aloud, and out of the way.
export function toast(text, kind = '') {
  let place = document.querySelector('.toasts');
  if (!place) {
    place = h('div', { class: 'toasts', role: 'status', 'aria-live': 'polite' });
    document.body.append(place);
  }
  const item = h('p', { class: `toast ${kind}` }, text);
  place.append(item);
  setTimeout(() => item.remove(), kind === 'bad' ? 12000 : 5000);
}
