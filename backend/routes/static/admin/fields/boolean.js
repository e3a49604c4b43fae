// `boolean`: yes or no.
import {html} from '../parts/html.js';

const TEXTS = {true: 'Yes', false: 'No'};

export function cell(value) {
  return TEXTS[value];
}

export function parse(draft) {
  return draft === '' ? null : draft === 'true';
}

export function Input({field, value, onInput, attributes}) {
  return html`<select ...${attributes} onChange=${event => onInput(event.target.value)}>
    <option value="" selected=${value === ''}>${field.nullable ? 'No value' : 'Choose…'}</option>
    ${Object.entries(TEXTS).map(([key, text]) => html`<option value=${key} selected=${key === value}>${text}</option>`)}
  </select>`;
}
