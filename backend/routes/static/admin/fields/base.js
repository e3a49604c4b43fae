// What most types of fields have in common: a draft is a text, and the empty text is no value.
import {html} from '../parts/html.js';
import {toJson} from '../parts/json.js';

const MOST = 120; // characters of a text in a list

export const isNumber = false;

export function format(value) {
  return value === null || value === undefined ? '' : String(value);
}

export function parse(draft) {
  return draft === '' ? null : draft;
}

export function cell(value) {
  const text = typeof value === 'object' ? toJson(value) : String(value);
  return text.length > MOST ? html`<span title=${text}>${text.slice(0, MOST)}…</span>` : text;
}

// A value in full, on a page of its record; null for what `cell` shows.
export const whole = null;

export function Input({value, onInput, attributes, ...rest}) {
  return html`<input ...${attributes} ...${rest} value=${value} onInput=${event => onInput(event.target.value)} />`;
}

// A filter has the same control, and its text is the draft.
export const FilterInput = null;
