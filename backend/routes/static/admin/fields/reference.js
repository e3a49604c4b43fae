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
  if (!field.to || field.to === 'users') return text;
  return html`<${Link} to=${`/admin/records/${field.to}/${value}`}>${text}<//>`;
}

export function whole(value, field, record) {
  return html`<${Labelled} ...${{value, field, record, show: cell}} />`;
}

// What `show` makes of ids whose labels are read, if nobody has read them yet.
export function Labelled({value, field, record, show}) {
  const ids = [value].flat();
  const expanded = new Map([record?.expand?.[field.name]].flat().filter(Boolean).map(each => [each.id, each]));
  const isListed = targetNamed(field.to)?.label;
  const label = useLabels(field.to, isListed ? ids.filter(id => !expanded.has(id)) : []);
  const others = ids.map(id => expanded.get(id) ?? {id, [field.to_label]: label(id)});
  return show(value, field, {expand: {[field.name]: Array.isArray(value) ? others : others[0]}});
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
