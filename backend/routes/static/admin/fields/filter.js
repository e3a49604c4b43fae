// The controls for the values of filters: texts, as they are in the URL of a list.
import {html, useEffect, useState} from '../parts/html.js';
import {Chips} from '../parts/chips.js';
import {targetNamed, useLabels} from '../parts/labels.js';
import * as boolean from './boolean.js';
import {typeOf} from './index.js';

const OF_PRESENCE = ['isnull', 'isempty'];
const OF_MANY = ['in', 'has_any', 'has_all', 'any', 'all', 'none'];
const OF_TEXT = ['contains', 'icontains', 'startswith'];

export function takesMany(operator) {
  return OF_MANY.includes(operator);
}

// `value` is a text, or a list of texts for an operator that takes several values.
// `onPending` gets a text that is typed, but not one of them yet.
export function FilterInput({field, operator = 'eq', value, onInput, onPending, attributes}) {
  const asked = {...field, nullable: false};
  const others = {onInput, attributes};
  if (OF_PRESENCE.includes(operator)) return html`<${boolean.Input} field=${asked} value=${value} ...${others} />`;
  if (takesMany(operator)) return html`<${ManyInput} field=${asked} values=${value || []}
    onPending=${onPending} ...${others} />`;
  return html`<${OneInput} ...${{field: OF_TEXT.includes(operator) ? {...asked, type: 'string'} : asked}}
    value=${value} ...${others} />`;
}

function OneInput({field, value, onInput, attributes}) {
  const {FilterInput: OfFilter, Input} = typeOf(field);
  return html`<${OfFilter ?? Input} ...${{field, value: value ?? '', onInput, attributes}} />`;
}

function ManyInput({field, values, onInput, onPending, attributes}) {
  const [pending, setText] = useState('');
  const setPending = text => {
    setText(text);
    onPending(text);
  };
  useEffect(() => onPending(''), []); // that of another field is gone
  const label = useLabels(field.to, targetNamed(field.to) ? values : []);
  const add = text => {
    setPending('');
    if (text && !values.includes(text)) onInput([...values, text]);
  };
  const press = event => {
    if (event.key !== 'Enter' || !pending) return;
    event.preventDefault();
    add(pending);
  };
  const addTyped = event => {
    event.currentTarget.parentElement.querySelector('input, select').focus();
    add(pending);
  };
  const type = text => (targetNamed(field.to) ? add(text) : setPending(text)); // a record is chosen, not typed
  return html`<${Chips} values=${values} texts=${values.map(label)} onInput=${onInput} isOrdered=${false} />
    <div class="row" onKeyDown=${press}>
      <${OneInput} ...${{field, value: pending, attributes}} onInput=${type} />
      ${!targetNamed(field.to) && html`<button type="button" disabled=${!pending}
        onClick=${addTyped}>Add</button>`}
    </div>`;
}
