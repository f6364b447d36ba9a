// A new experiment: a form writes the YAML, the YAML is what is sent, and the server checks it as it is typed.

import { api } from './api.js';
import { toast } from './dialog.js';
import { h, panel, replace } from './dom.js';
import { writeYaml } from './yaml.js';

const ALGORITHMS = ['auto', 'tpe', 'random', 'sobol', 'grid', 'cmaes', 'bayesianoptimization', 'hyperband', 'asha', 'motpe', 'nsga2'];
const TYPES = ['double', 'int', 'categorical', 'discrete'];
const DRAFT = 'dozan.draft';

const START = {
  name: 'my-experiment', namespace: 'default', objective: 'accuracy', type: 'maximize', goal: '', algorithm: 'tpe',
  max: '20', parallel: '2', command: 'python3 train.py --lr=${lr} --optimizer=${optimizer}',
  parameters: [
    { name: 'lr', type: 'double', values: '0.0001, 0.1', log: true },
    { name: 'optimizer', type: 'categorical', values: 'sgd, adam', log: false },
  ],
};

export function createView() {
  const form = formPart();
  const namespace = h('input', { value: 'default', pattern: '[a-z0-9-]+', 'aria-label': 'Namespace' });
  const yaml = h('textarea', { spellcheck: 'false', wrap: 'off', 'aria-label': 'YAML of the experiment', value: sessionStorage.getItem(DRAFT) || writeYaml(form.read()) });
  const lines = h('pre', { class: 'lines', 'aria-hidden': 'true' });
  const verdict = h('div', { class: 'verdict', role: 'status', 'aria-live': 'polite' });
  const send = h('button', { type: 'button', class: 'primary', 'data-do': 'create', click: create }, 'Create');
  const check = h('button', { type: 'button', 'data-do': 'check', click: () => verify() }, 'Check');
  const file = h('input', { type: 'file', accept: '.yaml,.yml,.json', 'aria-label': 'Open a file', change: openFile });
  const element = h('div', {}, h('div', { class: 'head' }, h('h1', {}, 'New experiment')),
    h('div', { class: 'create' },
      panel('Form', h('button', { type: 'button', 'data-do': 'write', click: write }, 'Write the YAML'), form.element),
      panel('YAML', [h('label', { class: 'select' }, h('span', {}, 'Namespace'), namespace), file],
        h('div', { class: 'editor' }, lines, yaml), verdict, h('div', { class: 'buttons' }, check, send))));
  let wait, turn = 0;

  yaml.addEventListener('input', changed);
  yaml.addEventListener('scroll', () => { lines.scrollTop = yaml.scrollTop; });
  yaml.addEventListener('keydown', (event) => { // a tab is no YAML; two blanks are
    if (event.key !== 'Tab' || event.shiftKey || !event.altKey) return;
    event.preventDefault();
    yaml.setRangeText('  ', yaml.selectionStart, yaml.selectionEnd, 'end');
    changed();
  });

  function changed() {
    sessionStorage.setItem(DRAFT, yaml.value);
    number([]);
    clearTimeout(wait);
    wait = setTimeout(verify, 600);
  }
  function number(bad) {
    const count = yaml.value.split('\n').length;
    replace(lines, Array.from({ length: count }, (unused, i) => h('span', { class: bad.includes(i + 1) ? 'bad' : '' }, `${i + 1}\n`)));
  }
  function write() {
    yaml.value = writeYaml(form.read());
    changed();
    yaml.focus();
  }
  async function openFile() {
    if (!file.files[0]) return;
    yaml.value = await file.files[0].text();
    changed();
  }
  async function verify() {
    const own = ++turn;
    try {
      await api.create(namespace.value, yaml.value, true);
      if (own === turn) { replace(verdict, h('p', { class: 'note good' }, 'The server takes it.')); number([]); }
      return true;
    } catch (error) {
      if (own === turn) tell(error);
      return false;
    }
  }
  function tell(error) {
    const problems = error.message.split('\n').filter(Boolean).map((text) => {
      const found = /^[^\s:]*:(\d+):\s*(.*)$/.exec(text);
      return found ? { line: Number(found[1]), text: found[2] } : { text };
    });
    number(problems.map((problem) => problem.line));
    replace(verdict, h('ul', { class: 'problems' }, problems.map((problem) => h('li', {},
      problem.line && h('button', { type: 'button', class: 'small', click: () => goTo(problem.line) }, `line ${problem.line}`), ' ', problem.text))));
  }
  function goTo(line) {
    const before = yaml.value.split('\n').slice(0, line - 1).join('\n').length + (line > 1 ? 1 : 0);
    yaml.focus();
    yaml.setSelectionRange(before, before + yaml.value.split('\n')[line - 1].length);
    yaml.scrollTop = Math.max(0, (line - 6) * parseFloat(getComputedStyle(yaml).lineHeight));
  }
  async function create() {
    send.disabled = true;
    try {
      const made = await api.create(namespace.value, yaml.value, false);
      sessionStorage.removeItem(DRAFT);
      toast(`${made.metadata.name} is created.`);
      location.hash = `#/${made.metadata.namespace ?? namespace.value}/${made.metadata.name}`;
    } catch (error) {
      tell(error);
    } finally {
      send.disabled = false;
    }
  }
  number([]);
  return { element, refresh: async () => false, close: () => clearTimeout(wait) };
}

function formPart() {
  const input = (name, more = {}) => h('input', { name, value: START[name], ...more });
  const choose = (name, options, value) => h('select', { name, 'aria-label': name }, options.map((option) => h('option', { value: option, selected: option === value }, option)));
  const label = (text, control) => h('label', {}, h('span', {}, text), control);
  const rows = h('div', { class: 'rows' });
  const row = (p) => {
    const made = h('div', { class: 'row' },
      h('input', { name: 'p-name', value: p.name, placeholder: 'name', 'aria-label': 'Name of the parameter' }),
      choose('p-type', TYPES, p.type),
      h('input', { name: 'p-values', value: p.values, placeholder: 'least, greatest', 'aria-label': 'Least and greatest value, or the list' }),
      h('label', { class: 'tick' }, h('input', { type: 'checkbox', name: 'p-log', checked: p.log }), 'log'),
      h('button', { type: 'button', class: 'small', 'aria-label': 'Remove the parameter', click: () => made.remove() }, '×'));
    return made;
  };
  replace(rows, START.parameters.map(row));
  const element = h('form', { class: 'form', submit: (event) => event.preventDefault() },
    label('Name', input('name')),
    h('div', { class: 'pair' }, label('Metric', input('objective')), label('Goal is to', choose('type', ['maximize', 'minimize'], START.type)), label('Stop at', input('goal', { inputmode: 'decimal', placeholder: 'no limit' }))),
    h('div', { class: 'pair' }, label('Algorithm', h('input', { name: 'algorithm', value: START.algorithm, list: 'algorithms' })),
      label('Trials', input('max', { type: 'number', min: 1 })), label('At a time', input('parallel', { type: 'number', min: 1 }))),
    h('datalist', { id: 'algorithms' }, ALGORITHMS.map((name) => h('option', { value: name }))),
    h('fieldset', {}, h('legend', {}, 'Parameters'), rows,
      h('button', { type: 'button', class: 'small', click: () => rows.append(row({ name: '', type: 'double', values: '', log: false })) }, 'Add a parameter')),
    label('Command; ${name} stands for a parameter', h('textarea', { name: 'command', rows: 3, spellcheck: 'false', value: START.command })));

  function read() {
    const get = (name) => element.querySelector(`[name="${name}"]`).value.trim();
    return {
      ...Object.fromEntries(['name', 'objective', 'type', 'goal', 'algorithm', 'max', 'parallel', 'command'].map((name) => [name, get(name)])),
      parameters: [...rows.children].map((one) => ({
        name: one.querySelector('[name=p-name]').value.trim(),
        type: one.querySelector('[name=p-type]').value,
        values: one.querySelector('[name=p-values]').value.split(',').map((value) => value.trim()).filter(Boolean),
        log: one.querySelector('[name=p-log]').checked,
      })).filter((parameter) => parameter.name),
    };
  }
  return { element, read };
}
