// What is shown and typed for the values of each type of field.
//
// A module of a type exports what differs from `base.js`: `cell(value, field, record)` is what a list shows of a value
// that is neither null nor empty, and `whole` what the page of its record shows; `isNumber` aligns it to the right.
// `Input` is a control within `Labelled`, whose `value` is a draft. `format(value, field)` makes a draft of a value,
// and `parse(draft, field)` a value of a draft, or throws an Error with what is wrong. `FilterInput` is the control for
// the text of a filter.
import {html} from '../parts/html.js';
import * as base from './base.js';
import * as boolean from './boolean.js';
import * as date from './date.js';
import * as datetime from './datetime.js';
import * as decimal from './decimal.js';
import * as email from './email.js';
import * as enumeration from './enum.js';
import * as file from './file.js';
import * as integer from './integer.js';
import * as json from './json.js';
import * as list from './list.js';
import * as number from './number.js';
import * as reference from './reference.js';
import * as references from './references.js';
import * as sequence from './sequence.js';
import * as string from './string.js';
import * as text from './text.js';
import * as time from './time.js';
import * as url from './url.js';
import * as uuid from './uuid.js';

const TYPES = {
  boolean, date, datetime, decimal, email, enum: enumeration, file, integer, json, list, number, reference,
  references, sequence, string, text, time, url, uuid,
};

// The module of a field's type, with all that modules can export; a type that is not known is JSON.
export function typeOf(field) {
  return {...base, ...(TYPES[field.type] ?? json)};
}

// Returns a function (value, field, record) of what lists show.
export function cellOf(field) {
  return orNone(typeOf(field).cell);
}

// Returns a function (value, field, record) of what the page of a record shows.
export function wholeOf(field) {
  const {cell, whole} = typeOf(field);
  return orNone(whole ?? cell);
}

function orNone(show) {
  return (value, ...others) => {
    if (value === null || value === undefined) return html`<span class="quiet">–</span>`;
    return value === '' ? html`<span class="quiet">empty</span>` : show(value, ...others);
  };
}

// Returns the component ({field, value, onInput, attributes, problems}); `value` is a draft.
export function inputOf(field) {
  return typeOf(field).Input;
}
