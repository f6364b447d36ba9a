// Talking to the server. Every failure becomes an ApiError with a sentence.

const VIEWS = 'api/v1alpha1';
const KATIB = 'apis/kubeflow.org/v1beta1';
const TOKEN = 'dozan.token';

export class ApiError extends Error {
  constructor(status, message) {
    super(message);
    this.status = status;
  }
}

function url(path, query) {
  const pairs = Object.entries(query ?? {}).filter(([, value]) => value !== undefined && value !== null && value !== '');
  return pairs.length ? `${path}?${new URLSearchParams(pairs)}` : path;
}

export function setToken(token) {
  if (token) sessionStorage.setItem(TOKEN, token);
  else sessionStorage.removeItem(TOKEN);
}

function headers(type) {
  const token = sessionStorage.getItem(TOKEN);
  const made = { Accept: 'application/json' };
  if (token) made.Authorization = `Bearer ${token}`;
  if (type) made['Content-Type'] = type;
  return made;
}

async function send(path, { method = 'GET', query, body, type, signal } = {}) {
  let answer;
  try {
    answer = await fetch(url(path, query), { method, body, signal, headers: headers(type), cache: 'no-store' });
  } catch (error) {
    if (error.name === 'AbortError') throw error;
    throw new ApiError(0, 'The server does not answer. The page goes on trying.');
  }
  if (answer.ok) return answer;
  throw new ApiError(answer.status, await sentence(answer));
}

async function sentence(answer) {
  try {
    const body = await answer.json();
    if (body.message) return body.message;
  } catch { /* no JSON: the status says it */ }
  return `The server answered ${answer.status} ${answer.statusText}.`;
}

async function json(path, options) {
  return (await send(path, options)).json();
}

const part = encodeURIComponent;
const place = (at) => `${VIEWS}/namespaces/${part(at.ns)}/experiments/${part(at.name)}`;
const resource = (ns, name) => `${KATIB}/namespaces/${part(ns)}/experiments${name ? `/${part(name)}` : ''}`;

export const api = {
  experiments: (query, signal) => json(`${VIEWS}/experiments`, { query, signal }),
  view: (at, name, query, signal) => json(name ? `${place(at)}/${name}` : place(at), { query, signal }),
  exportLink: (at, format) => `${place(at)}/export.${format}`,

  // Follows the output of the trial of that name; `take` gets text as it comes.
  async log(at, trial, { follow, tail, signal }, take) {
    const answer = await send(`api/v1/namespaces/${part(at.ns)}/pods/${part(trial)}/log`, { query: { follow, tailLines: tail }, signal });
    const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      take(value);
    }
  },

  create: (ns, yaml, dryRun) => json(resource(ns),
    { method: 'POST', body: yaml, type: 'application/yaml', query: dryRun ? { dryRun: 'All' } : {} }),
  remove: (at) => json(resource(at.ns, at.name), { method: 'DELETE' }),
  raise: (at, spec) => json(resource(at.ns, at.name),
    { method: 'PATCH', body: JSON.stringify({ spec }), type: 'application/merge-patch+json' }),
  act: (at, verb) => json(`${place(at)}/${verb}`, { method: 'POST', body: '{}', type: 'application/json' }),
  actOnTrial: (at, number, verb) => json(`${place(at)}/trials/${number}/${verb}`,
    { method: 'POST', body: '{}', type: 'application/json' }),

  // A download with the token, where there is one.
  async download(at, format) {
    const answer = await send(api.exportLink(at, format));
    const link = document.createElement('a');
    link.href = URL.createObjectURL(await answer.blob());
    link.download = `${at.name}.${format}`;
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 10000);
  },
};
