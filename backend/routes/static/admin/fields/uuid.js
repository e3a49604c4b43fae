// `uuid`: an id.
import {html} from '../parts/html.js';
import * as base from './base.js';

export function cell(value) {
  return html`<code>${value}</code>`;
}

export function Input({value, onInput, attributes}) {
  return html`<${base.Input} ...${{value, onInput, attributes}} spellcheck=${false} autocomplete="off" />`;
}
