// `number`: a double.
import {html} from '../parts/html.js';
import * as base from './base.js';

export const isNumber = true;

// What is no number is sent as it is: the API says what is wrong with it.
export function parse(draft) {
  const text = draft.trim();
  return text !== '' && Number.isFinite(Number(text)) ? Number(text) : base.parse(draft);
}

export function Input({value, onInput, attributes}) {
  return html`<${base.Input} ...${{value, onInput, attributes}} inputmode="decimal" autocomplete="off" />`;
}
