// Numbers, times and lengths of time for people.

export function num(value, digits = 5) {
  if (value === null || value === undefined || value === '') return '–';
  const number = Number(value);
  if (!Number.isFinite(number)) return String(value);
  if (number === 0) return '0';
  const size = Math.abs(number);
  if (Number.isInteger(number) && size < 1e15) return String(number);
  if (size >= 1e6 || size < 1e-4) return trim(number.toExponential(digits - 2));
  return trim(number.toPrecision(digits));
}

function trim(text) {
  return text.replace(/(\.\d*?)0+(e|$)/, '$1$2').replace(/\.(e|$)/, '$1').replace('e+', 'e');
}

export function count(value) {
  return Number(value).toLocaleString('en');
}

export function percent(value) {
  return `${(100 * value).toFixed(value > 0 && value < 0.1 ? 1 : 0)} %`;
}

const UNITS = [['d', 86400], ['h', 3600], ['m', 60], ['s', 1]];

export function duration(ms) {
  if (!(ms >= 0)) return '–';
  if (ms < 1000) return `${Math.round(ms)} ms`;
  if (ms < 10000) return `${(ms / 1000).toFixed(1)} s`;
  let seconds = Math.round(ms / 1000);
  const parts = [];
  for (const [unit, size] of UNITS) {
    const whole = Math.floor(seconds / size);
    if (whole > 0 || parts.length === 1) parts.push(`${whole}${unit}`);
    seconds -= whole * size;
    if (parts.length === 2) break;
  }
  return parts.filter((part, i) => i === 0 || !part.startsWith('0')).join(' ');
}

export function time(ms) {
  if (!ms) return '–';
  const date = new Date(ms);
  const pad = (n) => String(n).padStart(2, '0');
  return `${date.getFullYear()}-${pad(date.getMonth() + 1)}-${pad(date.getDate())} ` +
    `${pad(date.getHours())}:${pad(date.getMinutes())}:${pad(date.getSeconds())}`;
}

export function ago(ms, now) {
  return ms ? `${duration(Math.max(0, now - ms))} ago` : '–';
}

export function plural(n, one, many = `${one}s`) {
  return `${count(n)} ${n === 1 ? one : many}`;
}
