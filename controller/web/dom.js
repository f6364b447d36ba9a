// Making elements. Text is always text: nothing that a server sent is read as markup.

const SVG = 'http://www.w3.org/2000/svg';

export function h(name, attributes, ...children) {
  return fill(document.createElement(name), attributes, children);
}

export function s(name, attributes, ...children) {
  return fill(document.createElementNS(SVG, name), attributes, children);
}

function fill(element, attributes, children) {
  for (const [key, value] of Object.entries(attributes ?? {})) {
    if (value === undefined || value === null || value === false) continue;
    if (typeof value === 'function') element.addEventListener(key, value);
    else if (key === 'value' && 'value' in element) element.value = value;
    else element.setAttribute(key, value === true ? '' : value);
  }
  add(element, children);
  return element;
}

function add(element, children) {
  for (const child of children) {
    if (Array.isArray(child)) add(element, child);
    else if (child !== undefined && child !== null && child !== false) element.append(child);
  }
}

export function replace(element, ...children) {
  element.replaceChildren();
  add(element, children);
  return element;
}

// Puts new content in place only where it differs, so that focus, selection and scroll places live on.
export function patch(element, ...children) {
  const next = element.cloneNode(false);
  add(next, children);
  if (element.isEqualNode(next)) return false;
  const focused = element.contains(document.activeElement) ? document.activeElement.dataset.key : undefined;
  element.replaceChildren(...next.childNodes);
  if (focused) element.querySelector(`[data-key="${CSS.escape(focused)}"]`)?.focus();
  return true;
}

export function badge(state) {
  return h('span', { class: `badge ${state.toLowerCase().replace(/[^a-z]/g, '')}` }, state);
}

export function panel(title, aside, ...content) {
  return h('section', { class: 'panel' },
    h('div', { class: 'panel-head' }, h('h2', {}, title), h('div', { class: 'aside' }, aside)), content);
}

export function field(label, value, note) {
  return h('div', { class: 'stat' }, h('dt', {}, label), h('dd', {}, value, note && h('small', {}, note)));
}

export function note(text, kind = '') {
  return h('p', { class: `note ${kind}`, role: kind === 'bad' ? 'alert' : undefined }, text);
}
