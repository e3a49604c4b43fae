// The input of a text of one line.
import {html} from '../parts/html.js';

export function LineInput({value, onInput, attributes}) {
  return html`<input ...${attributes} value=${value} onInput=${event => onInput(event.target.value)} />`;
}
