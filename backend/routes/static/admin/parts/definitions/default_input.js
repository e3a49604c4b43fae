// The default of a field, which new records get: its form depends on the type of the field.
import {html} from '../html.js';
import {isSame, listOf} from './draft.js';
import {readNumber} from './inputs.js';
import {parseJson, toJson} from '../json.js';

const READERS = new Map([['integer', readNumber], ['number', readNumber], ['list', readJson], ['json', readJson]]);

function readJson(text) {
  try {
    return parseJson(text);
  } catch {
    return text; // not complete yet
  }
}

function textOf(value) {
  return value === undefined || value === null ? '' : typeof value === 'string' ? value : toJson(value);
}

export function DefaultInput({name, declaration, onInput}) {
  const {type, default: value} = declaration;
  const label = `Default of ${name}`;
  const values = type === 'boolean' ? [true, false] : type === 'enum' ? listOf(declaration.choices) : null;
  const choices = values?.map(each => [each, String(each)]);
  if (choices) return html`<${ChoiceOfDefault} label=${label} value=${value} choices=${choices} onInput=${onInput} />`;
  const read = READERS.get(type) ?? (text => text);
  const change = event => {
    const text = event.target.value;
    const next = text === '' ? undefined : read(text);
    if (!isSame(next, value)) onInput(next);
  };
  return html`<input aria-label=${label} value=${textOf(value)} autocomplete="off" onChange=${change} />`;
}

function ChoiceOfDefault({label, value, choices, onInput}) {
  const change = event => onInput(choices[event.target.selectedIndex - 1]?.[0]);
  const isKnown = value === undefined || value === null || choices.some(([each]) => each === value);
  const shown = isKnown ? choices : [...choices, [value, textOf(value)]];
  return html`<select aria-label=${label} onChange=${change}>
    <option value="" selected=${value === undefined || value === null}>none</option>
    ${shown.map(([each, text]) => html`<option value=${text} selected=${each === value}>${text}</option>`)}
  </select>`;
}
