// `json`: any JSON value; and values of types that are not known here.
import {html} from '../parts/html.js';
import {parseJson, toJson} from '../parts/json.js';

export function format(value) {
  return value === null || value === undefined ? '' : toJson(value, 2);
}

export function parse(draft) {
  if (draft.trim() === '') return null;
  try {
    return parseJson(draft);
  } catch (error) {
    throw new Error(`This is not JSON: ${error.message}`);
  }
}

export function whole(value) {
  return html`<pre class="whole">${format(value)}</pre>`;
}

export function Input({value, onInput, attributes}) {
  return html`<textarea ...${attributes} class="code" rows="5" spellcheck=${false} value=${value}
    onInput=${event => onInput(event.target.value)} />`;
}
