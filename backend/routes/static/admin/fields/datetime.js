// `datetime`: a moment, typed in the time zone of the person and sent in UTC.
import {html} from '../parts/html.js';
import {Time} from '../parts/times.js';
import * as base from './base.js';

export function cell(value) {
  return html`<${Time} value=${value} />`;
}

// The moment without its zone, as the control has it; a part of seconds only if it has one.
export function format(value) {
  if (!value) return '';
  const date = new Date(value);
  if (Number.isNaN(date.getTime())) return '';
  const pad = (number, length = 2) => String(number).padStart(length, '0');
  const day = `${pad(date.getFullYear(), 4)}-${pad(date.getMonth() + 1)}-${pad(date.getDate())}`;
  const time = `${pad(date.getHours())}:${pad(date.getMinutes())}:${pad(date.getSeconds())}`;
  return `${day}T${time}${date.getMilliseconds() ? `.${pad(date.getMilliseconds(), 3)}` : ''}`;
}

export function parse(draft) {
  const date = new Date(draft);
  return Number.isNaN(date.getTime()) ? base.parse(draft) : date.toISOString();
}

export function Input({value, onInput, attributes}) {
  const limits = {step: value.includes('.') ? '0.001' : '1', max: '9999-12-31T23:59:59'};
  return html`<${base.Input} ...${{value, onInput, attributes, ...limits}} type="datetime-local" />`;
}

// The text of a filter is a moment in UTC.
export function FilterInput({value, onInput, attributes}) {
  return html`<${Input} attributes=${attributes} value=${format(value)}
    onInput=${draft => onInput(parse(draft) ?? '')} />`;
}
