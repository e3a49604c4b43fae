// Definitions as YAML, as people keep them in files, and back.
import {CORE_SCHEMA, DEFAULT_SCHEMA, dump, load, Type, types} from '../../vendor/js-yaml.js';

const FLOW_LEVEL = 2; // {type: string, required: true}: a field or a list in one line

// Integers that a number of JavaScript cannot hold are BigInts, as in JSON.
const exactInteger = new Type('tag:yaml.org,2002:int', {
  kind: 'scalar',
  resolve: types.int.resolve,
  construct: text => {
    const number = types.int.construct(text);
    return Number.isSafeInteger(number) ? number : BigInt(text.replaceAll('_', ''));
  },
  predicate: value => typeof value === 'bigint' || types.int.predicate(value),
  represent: String,
});
const READING = CORE_SCHEMA.extend({implicit: [exactInteger]}); // 2026-01-31 is a text, as in JSON
const WRITING = DEFAULT_SCHEMA.extend({implicit: [exactInteger]}); // quotes what other programs read as a date

export function toYaml(value, flowLevel = FLOW_LEVEL) {
  return dump(value, {schema: WRITING, flowLevel, lineWidth: -1, noRefs: true});
}

// Returns {value}, or {problem: {line, reason}}.
export function readYaml(text) {
  try {
    return {value: load(text, {schema: READING})};
  } catch (error) {
    const reason = error.reason ?? error.message;
    return {problem: {line: (error.mark?.line ?? 0) + 1, reason: reason[0].toUpperCase() + reason.slice(1)}};
  }
}

const isObject = value => value !== null && typeof value === 'object' && !Array.isArray(value);
const isMapOf = check => value => isObject(value) && Object.values(value).every(check);
const SHAPES = {
  fields: [isMapOf(isObject), 'an object of fields, such as {title: {type: string}}'],
  access: [isMapOf(Array.isArray), 'an object of lists, such as {read: [member]}'],
  checks: [isMapOf(isObject), 'an object of conditions by name'],
  ...Object.fromEntries(['indexes', 'unique', 'search', 'filters'].map(part => [part, [Array.isArray, 'a list']])),
};

// Returns {value} of a whole definition whose parts can be shown in a form, or {problem}.
export function readDefinition(text) {
  const read = readYaml(text);
  if (read.problem) return read;
  if (!isObject(read.value)) return {problem: {line: 1, reason: 'A definition is an object with a name and fields'}};
  for (const [part, [fits, shape]] of Object.entries(SHAPES)) {
    if (read.value[part] !== undefined && !fits(read.value[part])) {
      return {problem: {line: lineOf(text, part), reason: `${part} must be ${shape}`}};
    }
  }
  return read;
}

function lineOf(text, part) {
  return text.split('\n').findIndex(line => line.startsWith(`${part}:`) || line.startsWith(`"${part}"`)) + 1 || 1;
}
