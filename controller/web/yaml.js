// The form's values as the YAML of an Experiment. Every text is quoted as JSON, which is YAML too.

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
