// The operators of filters in words, and the filters as sentences.
import {titleOf} from '../session.js';

const WORDS = {
  eq: 'is', ne: 'is not', in: 'is one of', gt: 'is more than', gte: 'is at least', lt: 'is less than',
  lte: 'is at most', icontains: 'contains', contains: 'contains exactly', startswith: 'starts with', has: 'has',
  has_any: 'has one of', has_all: 'has all of', any: 'has one of', all: 'has all of', none: 'has none of',
};
const OF_TIME = {gt: 'is after', gte: 'is or is after', lt: 'is before', lte: 'is or is before'};
const OF_TEXT = {gt: 'comes after', gte: 'is or comes after', lt: 'comes before', lte: 'is or comes before'};
const OF_NULL = {isnull: ['is empty', 'is not empty'], isempty: ['is empty', 'is not empty']};
const LISTS_TOO = {isnull: ['has no list', 'has a list']}; // beside isempty, which finds empty lists, too
const TIMES = ['date', 'datetime', 'time'];
const TEXTS = ['string', 'text', 'email', 'url'];
const ORDER = ['icontains', 'eq', 'ne', 'in', 'startswith', 'contains'];

// Returns what can be chosen for a field: [{operator, words, value}], where `value` is set if the words say it, too.
export function choicesOf(field) {
  const operators = [...field.operators].sort((one, other) => rank(one) - rank(other));
  return operators.flatMap(operator => {
    const words = wordsOfNull(field, operator);
    if (!words) return [{operator, words: wordsOf(field, operator)}];
    return [{operator, words: words[0], value: 'true'}, {operator, words: words[1], value: 'false'}];
  });
}

function rank(operator) {
  const index = ORDER.indexOf(operator);
  return index < 0 ? ORDER.length : index;
}

function wordsOfNull(field, operator) {
  return (field.operators.includes('isempty') && LISTS_TOO[operator]) || OF_NULL[operator];
}

function wordsOf(field, operator) {
  const special = TIMES.includes(field.type) ? OF_TIME : TEXTS.includes(field.type) ? OF_TEXT : {};
  return special[operator] ?? WORDS[operator] ?? operator;
}

// The field of a filter, or undefined if the URL has something else, such as `where`.
export function fieldOf(resource, filter) {
  const field = [...resource.fields, ...resource.paths].find(({name}) => name === filter.name);
  return field?.operators.includes(filter.operator) ? field : undefined;
}

// Whether a filter is one of this choice.
export function isOf(choice, {operator, values}) {
  return choice.operator === operator && (!choice.value || choice.value === values[0]);
}

// "country.code" becomes "Country › code".
export function pathTitle(name) {
  return titleOf(name.replaceAll('.', ' › '));
}
