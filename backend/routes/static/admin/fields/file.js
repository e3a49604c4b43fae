// `file`: an uploaded file; its control takes the id of one.
import {html} from '../parts/html.js';
export {Input} from './uuid.js';

export function cell(value) {
  return html`<span title=${value.type}>${value.name}</span>`;
}

export function format(value) {
  return value?.id ?? '';
}
