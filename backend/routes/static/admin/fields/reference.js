// `reference`: another record, or a user, shown by its label.
import {html} from '../parts/html.js';
import {targetNamed, useLabels} from '../parts/labels.js';
import {Picker} from '../parts/picker.js';
import {Link} from '../parts/router.js';
import * as uuid from './uuid.js';

// `record.expand` has the other record, if it was read with it.
export function cell(value, field, record) {
  const other = record?.expand?.[field.name];
  const text = other && (other[field.to_label] || other.id) || html`<code>${value}</code>`;
  return field.to && field.to !== 'users' ? html`<${Link} to=${`/admin/records/${field.to}/${value}`}>${text}<//>` : text;
}

// Where the other records cannot be listed, their id can be typed.
export function Input({field, value, onInput, attributes}) {
  if (!targetNamed(field.to)) return html`<${uuid.Input} ...${{value, onInput, attributes}} placeholder="Id" />`;
  return html`<${Chooser} ...${{field, value, onInput, attributes}} />`;
}

function Chooser({field, value, onInput, attributes}) {
  const label = useLabels(field.to, value ? [value] : []);
  return html`<${Picker} name=${field.to} shown=${value ? label(value) : ''} attributes=${attributes}
    onPick=${id => onInput(id ?? '')} />`;
}
