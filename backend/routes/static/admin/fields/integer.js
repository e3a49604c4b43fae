// `integer`: a whole number of 64 bits. It is a BigInt where a JavaScript number is not exact.
import {html} from '../parts/html.js';
import * as base from './base.js';

export const isNumber = true;

// What is no integer is sent as it is: the API says what is wrong with it.
export function parse(draft) {
  const text = draft.trim();
  if (!/^[+-]?\d+$/.test(text)) return base.parse(draft);
  const value = BigInt(text.replace('+', ''));
  return Number.isSafeInteger(Number(value)) ? Number(value) : value;
}

export function Input({value, onInput, attributes}) {
  return html`<${base.Input} ...${{value, onInput, attributes}} inputmode="numeric" autocomplete="off" />`;
}
