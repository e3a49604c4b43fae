// `time`: a time of day, to the second.
import {html} from '../parts/html.js';
import * as base from './base.js';

export function cell(value) {
  return html`<time datetime=${value}>${value.replace(/:00$/, '')}</time>`;
}

export function Input({value, onInput, attributes}) {
  return html`<${base.Input} ...${{value, onInput, attributes}} type="time" step="1" />`;
}
