// `decimal`: an exact number, which is a text here, too.
import {html} from '../parts/html.js';
import * as base from './base.js';

export const isNumber = true;

export function parse(draft) {
  return base.parse(draft.trim());
}

export function Input({value, onInput, attributes}) {
  return html`<${base.Input} ...${{value, onInput, attributes}} inputmode="decimal" autocomplete="off" />`;
}
