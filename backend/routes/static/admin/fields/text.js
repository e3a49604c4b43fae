// `text`: a long text.
import {html} from '../parts/html.js';
import {NoValue} from './no_value.js';

// A draft is null for no value where the field can have none, so that it differs from an empty text.
export function format(value, field) {
  return value ?? (field.nullable ? null : '');
}

export function parse(draft, field) {
  return draft === '' && !field.nullable ? null : draft;
}

export function whole(value) {
  return html`<div class="whole">${value}</div>`;
}

export function Input({field, value, onInput, attributes}) {
  return html`<textarea ...${attributes} rows="5" value=${value ?? ''} onInput=${typed(field, onInput)} />
    <${NoValue} field=${field} draft=${value} empty="" onInput=${onInput} />`;
}

// Handle what is typed: a text that is cleared is no value, if the field can have none.
export function typed(field, onInput) {
  return event => onInput(event.target.value === '' && field.nullable ? null : event.target.value);
}

export {LineInput as FilterInput} from './line_input.js';
