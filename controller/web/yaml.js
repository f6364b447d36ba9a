// The form's values as the YAML of an Experiment, and any document as YAML. A text that is not plain is quoted as JSON,
// which is YAML too.

const quote = (text) => (/^[A-Za-z][A-Za-z0-9_.\/-]*$/.test(text) && !/^(true|false|null|yes|no|on|off|y|n)$/i.test(text) ? text : JSON.stringify(text));

function space(parameter) {
  if (parameter.type === 'categorical' || parameter.type === 'discrete')
    return [`{list: [${parameter.values.map((value) => JSON.stringify(value)).join(', ')}]}`];
  const [min = '', max = '', step] = parameter.values;
  return [`{min: ${JSON.stringify(min)}, max: ${JSON.stringify(max)}${step ? `, step: ${JSON.stringify(step)}` : ''}${parameter.log ? ', distribution: logUniform' : ''}}`];
}

export function writeYaml(form) {
  const command = form.parameters.reduce((text, p) => text.split(`\${${p.name}}`).join(`\${trialParameters.${p.name}}`), form.command);
  const lines = [
    'apiVersion: kubeflow.org/v1beta1',
    'kind: Experiment',
    'metadata:',
    `  name: ${quote(form.name)}`,
    'spec:',
    '  objective:',
    `    type: ${form.type}`,
    form.goal && `    goal: ${form.goal}`,
    `    objectiveMetricName: ${quote(form.objective)}`,
    '  algorithm:',
    `    algorithmName: ${quote(form.algorithm)}`,
    form.parallel && `  parallelTrialCount: ${form.parallel}`,
    form.max && `  maxTrialCount: ${form.max}`,
    '  parameters:',
    ...form.parameters.flatMap((p) => [
      `    - name: ${quote(p.name)}`,
      `      parameterType: ${p.type}`,
      `      feasibleSpace: ${space(p)}`,
    ]),
    '  trialTemplate:',
    '    primaryContainerName: main',
    '    trialParameters:',
    ...form.parameters.map((p) => `      - {name: ${quote(p.name)}, reference: ${quote(p.name)}}`),
    '    trialSpec:',
    '      apiVersion: batch/v1',
    '      kind: Job',
    '      spec:',
    '        template:',
    '          spec:',
    '            restartPolicy: Never',
    '            containers:',
    '              - name: main',
    '                image: docker.io/library/python',
    '                command:',
    '                  - sh',
    '                  - -c',
    '                  - |-',
    ...command.split('\n').map((line) => `                    ${line}`),
  ];
  return `${lines.filter((line) => line !== false && line !== '').join('\n')}\n`;
}

// A document for people to read: what was sent as JSON looks like what they would have written.
export function dumpYaml(value) {
  return `${block(value, 0).join('\n')}\n`;
}

function block(value, depth) {
  const indent = '  '.repeat(depth);
  if (Array.isArray(value) && value.length) return value.flatMap((one) => hang(`${indent}-`, one, depth));
  if (value && typeof value === 'object' && Object.keys(value).length)
    return Object.entries(value).flatMap(([key, one]) => hang(`${indent}${quote(key)}:`, one, depth));
  return [indent + scalar(value)];
}

// A lead ("key:" or "-") and what belongs to it: beside it where that is one line, else below.
function hang(lead, value, depth) {
  const lines = block(value, depth + 1);
  if (typeof value === 'string' && /^[^\s].*\n/.test(value) && !/[^\n\x20-\x7e\xa0-\uffff]|\n\n$/.test(value)) {
    const text = value.replace(/\n$/, '');
    return [`${lead} ${text === value ? '|-' : '|'}`, ...text.split('\n').map((line) => (line ? '  '.repeat(depth + 1) + line : ''))];
  }
  const nested = value && typeof value === 'object' && Object.keys(value).length;
  if (!nested || lead.endsWith('-')) return [`${lead} ${lines[0].trimStart()}`, ...lines.slice(1)];
  return [lead, ...lines];
}

function scalar(value) {
  if (typeof value === 'string') return quote(value);
  return JSON.stringify(value);
}
