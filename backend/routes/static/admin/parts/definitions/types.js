// The types of fields and their options, as the OpenAPI document describes them.
import {useEffect, useState} from '../html.js';
import {send} from '../api.js';

// What every type has, and the form shows elsewhere.
const COLUMNS = ['type', 'required', 'unique', 'index', 'default', 'renamed_from'];
const GENERAL = ['computed', 'description', 'readable_by', 'writable_by'];

// Returns {types, error, reload}: `types` is {string: {required: ['type'], properties: {max_length: {…}, …}}, …}.
export function useFieldTypes() {
  const [state, setState] = useState({});
  const [round, setRound] = useState(0);
  useEffect(() => {
    readTypes().then(types => setState({types}), error => setState({error}));
  }, [round]);
  return {...state, reload: () => setRound(round + 1)};
}

async function readTypes() {
  const response = await send('GET', '/openapi.json');
  const document = await response.json();
  if (!response.ok) throw new Error(document.error?.message ?? response.statusText);
  const {schemas} = document.components;
  const {mapping} = schemas.FieldDeclaration.discriminator;
  const found = Object.entries(mapping).map(([name, path]) => [name, schemas[path.split('/').pop()]]);
  return Object.assign(Object.create(null), Object.fromEntries(found)); // so that `constructor` is no type
}

// The names of the options of a type that have no column in the table, those of the type first.
export function optionsOf(type) {
  const names = Object.keys(type?.properties ?? {}).filter(name => !COLUMNS.includes(name));
  return [...names.filter(name => !GENERAL.includes(name)), ...GENERAL.filter(name => names.includes(name))];
}

// Whether values are texts that can be searched and be a label.
export function isTextual(type) {
  return Boolean(type?.properties.min_length) && !type.properties.of;
}

// The declaration with another type, without the options that this one does not have.
export function withType(declaration, name, types) {
  const kept = Object.entries(declaration).filter(([option]) => types[name].properties[option]);
  return {...Object.fromEntries(kept), type: name};
}

// The options that a declaration must have, and has not.
export function missingOptions(declaration, type) {
  return (type?.required ?? []).filter(option => declaration[option] === undefined);
}
