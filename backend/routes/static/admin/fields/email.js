// `email`: an e-mail address.
import {html} from '../parts/html.js';
import * as base from './base.js';

export function Input({value, onInput, attributes}) {
  return html`<${base.Input} ...${{value, onInput, attributes}} type="email" />`;
}
