// `url`: an http or https URL, which is a link.
import {html} from '../parts/html.js';
import * as base from './base.js';

export function cell(value) {
  if (!/^https?:\/\//i.test(value)) return base.cell(value);
  return html`<a href=${value} rel="noopener noreferrer" target="_blank">${base.cell(value)}</a>`;
}

export function Input({value, onInput, attributes}) {
  return html`<${base.Input} ...${{value, onInput, attributes}} type="url" placeholder="https://…" />`;
}
