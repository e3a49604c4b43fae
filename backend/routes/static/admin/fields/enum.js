// `enum`: one of the choices of the field, which may include the empty text.
import {html} from '../parts/html.js';

export function format(value) {
  return value ?? null;
}

export function parse(draft) {
  return draft;
}

export function Input({field, value, onInput, attributes}) {
  const {choices} = field.options;
  const offered = [null, ...choices.includes(value) || value === null ? [] : [value], ...choices];
  const textOf = choice => (choice === null ? field.nullable ? 'No value' : 'Choose…' : choice || '(empty)');
  return html`<select ...${attributes} onChange=${event => onInput(offered[event.target.selectedIndex])}>
    ${offered.map(choice => html`<option key=${choice} selected=${choice === value}>${textOf(choice)}</option>`)}
  </select>`;
}

// No text is no filter; so the choice of the empty text cannot be filtered by `eq` here.
export function FilterInput({field, value, onInput, attributes}) {
  return html`<select ...${attributes} onChange=${event => onInput(event.target.value)}>
    <option value="" selected=${value === ''}>Choose…</option>
    ${field.options.choices.filter(Boolean).map(choice => html`
      <option key=${choice} value=${choice} selected=${choice === value}>${choice}</option>`)}
  </select>`;
}
