// What is shown for a record that another one refers to: its label, such as a name, instead of its id.
import {useEffect} from './html.js';
import {call} from './api.js';
import {notifyError} from './notices.js';
import {person, resourceNamed} from './session.js';
import {makeStore, useStore} from './store.js';

export const MAX_EXPANSIONS = 8; // related records of one request
const MOST_IDS = 100; // in one request
const ID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i; // what a link says may be something else
const labels = makeStore(new Map()); // `${resource} ${id}` → label
const asked = new Set(); // those that have been read, also if there was no such record
person.subscribe(() => { // another person may see less
  asked.clear();
  labels.set(new Map());
});

// Where records of a resource are listed: {path, label, search, fields}; undefined if this person may not list it.
export function targetNamed(name) {
  if (name === null) return undefined;
  if (name !== 'users') {
    const resource = resourceNamed(name);
    return resource && {...resource, path: `/${name}`};
  }
  const directory = person.get().schema?.directory;
  return directory ? {...directory, path: '/directory'} : undefined;
}

// The text for a record of `target`; a record without a label has its id.
export function labelOf(target, record) {
  return String(record[target?.label] || record.id);
}

// Keep the labels of records that have been read anyway.
export function remember(name, records) {
  const target = targetNamed(name);
  const found = records.filter(record => record?.id).map(record => [`${name} ${record.id}`, labelOf(target, record)]);
  if (found.length) labels.set(new Map([...labels.get(), ...found]));
}

// Returns a function of an id to its label; labels that are not known yet are read, and until then it returns the id.
export function useLabels(name, ids) {
  const known = useStore(labels);
  const keyOf = id => `${name} ${id}`;
  const unknown = ids.filter(id => id && !known.has(keyOf(id))).join();
  useEffect(() => {
    const missing = [...new Set(unknown.split(','))].filter(id => ID.test(id) && !asked.has(keyOf(id)));
    if (!targetNamed(name)?.label) return;
    for (let start = 0; start < missing.length; start += MOST_IDS) {
      readLabels(name, missing.slice(start, start + MOST_IDS), keyOf);
    }
  }, [name, unknown]);
  return id => known.get(keyOf(id)) ?? id;
}

function readLabels(name, ids, keyOf) {
  for (const id of ids) asked.add(keyOf(id));
  read(name, {id__in: ids.join(','), per_page: MOST_IDS}).then(
    records => remember(name, records),
    error => {
      for (const id of ids) asked.delete(keyOf(id));
      if (error.status) notifyError(error); // a lost connection is said already
    });
}

// Returns records with their id and label.
export async function read(name, query, signal) {
  const target = targetNamed(name);
  const fields = target.label ? `id,${target.label}` : 'id';
  return (await call('GET', target.path, {query: {count: false, fields, ...query}, signal})).data;
}

// The filters that find the records of a target whose label has this text; null if they cannot be searched.
export function searchFor(target, text) {
  if (!text) return {};
  if (ID.test(text)) return {id: text};
  if (target.search.length) return {q: text};
  const operators = target.fields.find(field => field.name === target.label)?.operators ?? [];
  const operator = ['icontains', 'startswith', 'contains'].find(each => operators.includes(each));
  return operator ? {[`${target.label}__${operator}`]: text} : null;
}
