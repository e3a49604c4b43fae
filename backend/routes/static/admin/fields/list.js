// `list`: different values of one type, in order.
import {html} from '../parts/html.js';
import {Chips} from '../parts/chips.js';
import * as base from './base.js';
import * as date from './date.js';
import * as enumeration from './enum.js';
import * as integer from './integer.js';
import {NoValue} from './no_value.js';
import {LineInput} from './line_input.js';

const ITEMS = {
  string: {...base, FilterInput: LineInput},
  enum: {...base, ...enumeration},
  integer: {...base, ...integer},
  date: {...base, ...date},
};

// A draft is {values, pending}: `values` are texts, or null, and `pending` is one that is typed but not added yet.
export function format(value, field) {
  return {values: value?.map(String) ?? (field.nullable ? null : []), pending: ''};
}

export function parse(draft, field) {
  const {values} = withPending(draft);
  return values && values.map(value => ITEMS[field.options.of].parse(value, field));
}

export function cell(value) {
  return value.length ? base.cell(value.join(', ')) : html`<span class="quiet">empty</span>`;
}

// Enter adds what is typed.
export function Input({field, value: draft, onInput, attributes}) {
  const change = values => onInput({values, pending: ''});
  const press = event => {
    if (event.key !== 'Enter' || !draft.pending) return;
    event.preventDefault();
    onInput(withPending(draft));
  };
  const add = event => {
    event.currentTarget.parentElement.querySelector('input, select').focus();
    onInput(withPending(draft));
  };
  return html`${draft.values && html`<${Chips} values=${draft.values} texts=${draft.values} onInput=${change} />`}
    <div class="row" onKeyDown=${press}>
      <${ItemInput} ...${{field, attributes}} value=${draft.pending}
        onInput=${pending => onInput({...draft, pending})} />
      <button type="button" disabled=${!draft.pending} onClick=${add}>Add</button>
    </div>
    ${!draft.pending && html`<${NoValue} field=${field} draft=${draft.values} empty=${[]} onInput=${change} />`}`;
}

function withPending({values, pending}) {
  const isNew = pending && !values?.includes(pending);
  return {values: isNew ? [...values ?? [], pending] : values, pending: ''};
}

// The control for one value, which is a text; it is that of a filter, too.
function ItemInput({field, ...rest}) {
  const {FilterInput, Input: OfItem} = ITEMS[field.options.of] ?? ITEMS.string;
  const {min_value: min, max_value: max} = field.options;
  const Control = FilterInput ?? OfItem;
  return html`<${Control} field=${{...field, nullable: false, options: {...field.options, min, max}}} ...${rest} />`;
}

export {ItemInput as FilterInput};
