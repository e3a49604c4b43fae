// `string`: a text of one line.
import {html} from '../parts/html.js';
import {NoValue} from './no_value.js';
import * as text from './text.js';

export {FilterInput, format, parse, whole} from './text.js';

export function Input({field, value, onInput, attributes, type = 'text'}) {
  if (value?.includes('\n')) return html`<${text.Input} ...${{field, value, onInput, attributes}} />`;
  return html`<input ...${attributes} type=${type} value=${value ?? ''} onInput=${text.typed(field, onInput)} />
    <${NoValue} field=${field} draft=${value} empty="" onInput=${onInput} />`;
}
