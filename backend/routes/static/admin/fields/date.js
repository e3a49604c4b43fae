// `date`: a day.
import {html} from '../parts/html.js';
import * as base from './base.js';

export function cell(value) {
  return html`<time datetime=${value}>${value}</time>`;
}

export function Input({field, value, onInput, attributes}) {
  const {min, max} = field.options;
  return html`<${base.Input} ...${{value, onInput, attributes, min, max}} type="date" />`;
}
