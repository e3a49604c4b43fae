// `references`: other records, or users, in order, shown by their labels.
import {html} from '../parts/html.js';
import {Chips} from '../parts/chips.js';
import {targetNamed, useLabels} from '../parts/labels.js';
import {Picker} from '../parts/picker.js';
import * as list from './list.js';
import * as reference from './reference.js';

const OF_IDS = {of: 'string'};

// A draft is that of a list of ids.
export function format(value, field) {
  return list.format(value, field);
}

export function parse(draft) {
  return list.parse(draft, {options: OF_IDS});
}

export function cell(value, field, record) {
  if (!value.length) return html`<span class="quiet">empty</span>`;
  const others = new Map((record?.expand?.[field.name] ?? []).map(each => [each.id, each]));
  return value.map((id, index) => html`${index > 0 && ', '}${
    reference.cell(id, field, {expand: {[field.name]: others.get(id)}})}`);
}

export function whole(value, field, record) {
  return html`<${reference.Labelled} ...${{value, field, record, show: cell}} />`;
}

export function Input(options) {
  const {field} = options;
  if (!targetNamed(field.to)) return html`<${list.Input} ...${options} field=${{...field, options: OF_IDS}} />`;
  return html`<${Chooser} ...${options} />`;
}

function Chooser({field, value: {values}, onInput, attributes}) {
  const label = useLabels(field.to, values);
  const add = id => id && change([...values, id]);
  const change = next => onInput({values: next, pending: ''});
  return html`<${Chips} values=${values} texts=${values.map(label)} onInput=${change} />
    <${Picker} name=${field.to} without=${values} onPick=${add} attributes=${attributes} />`;
}

export {Input as FilterInput} from './reference.js';
