// Changes of a definition that is being edited: each function returns a new definition.

const PARTS = [
  'name', 'description', 'label', 'fields', 'indexes', 'unique', 'search', 'filters', 'access', 'checks',
  'on_owner_delete', 'require_if_match', 'history', 'feed', 'cache_seconds', 'renamed_from',
];
const READ_ONLY = ['version', 'created_at', 'updated_at'];

export const NEW_DEFINITION = {
  name: '',
  fields: {name: {type: 'string', required: true}},
  access: {list: ['member'], read: ['member'], create: ['member'], update: ['owner'], delete: ['owner']},
};

// The part of a response that is the definition.
export function definitionOf(data) {
  return Object.fromEntries(Object.entries(data).filter(([part]) => !READ_ONLY.includes(part)));
}

// Only the order of fields counts, not that of other parts and options.
export function isSame(one, other) {
  const sorted = object => Object.fromEntries(Object.keys(object).sort().map(key => [key, object[key]]));
  const text = value => JSON.stringify(value, (key, inner) => {
    if (typeof inner === 'bigint') return `${inner}n`;
    return inner && typeof inner === 'object' && !Array.isArray(inner) && key !== 'fields' ? sorted(inner) : inner;
  });
  return text(one) === text(other);
}

// The parts in the order in which the API has them, so that a difference has the fewest lines.
export function inOrder(draft) {
  const parts = [...PARTS.filter(part => draft[part] !== undefined), ...Object.keys(draft).filter(part => (
    !PARTS.includes(part)))];
  return Object.fromEntries(parts.map(part => [part, draft[part]]));
}

// The YAML may have something else in place of a list.
export function listOf(value) {
  return Array.isArray(value) ? value : [];
}

function isEmpty(value) {
  return value === undefined || value === '' || value === false
    || (typeof value === 'object' && value !== null && Object.keys(value).length === 0);
}

// Set an option of an object. `keepsEmpty` keeps what says something although it is empty, such as a list of no role.
export function withOption(object, option, value, keepsEmpty = false) {
  const changed = {...object, [option]: value};
  if (value === undefined || (!keepsEmpty && isEmpty(value))) delete changed[option];
  return changed;
}

export function withName(draft, name, stored) {
  const renamed = {...draft, name};
  if (stored && name !== stored.name) renamed.renamed_from = [stored.name, ...formerNames(stored)];
  else if (stored) return withOption(renamed, 'renamed_from', stored.renamed_from);
  return renamed;
}

export function formerNames({renamed_from: former}) {
  return typeof former === 'string' ? [former] : listOf(former).map(String);
}

export function addField(draft, name) {
  return {...draft, fields: {...draft.fields, [name]: {type: 'string'}}};
}

export function setField(draft, name, declaration) {
  return {...draft, fields: {...draft.fields, [name]: declaration}};
}

export function moveField(draft, name, places) {
  const entries = Object.entries(draft.fields);
  const index = entries.findIndex(([each]) => each === name);
  entries.splice(index + places, 0, ...entries.splice(index, 1));
  return {...draft, fields: Object.fromEntries(entries)};
}

// Also removes what names the field, but no rule: without a condition, a rule would allow more.
export function removeField(draft, name) {
  const {[name]: removed, ...fields} = draft.fields;
  const changed = {...draft, fields};
  if (draft.label === name) delete changed.label;
  const without = (part, isKept) => {
    if (draft[part]) Object.assign(changed, {[part]: draft[part].filter(isKept)});
    if (changed[part]?.length === 0) delete changed[part];
  };
  without('search', each => each !== name);
  without('filters', each => String(each).split('.')[0] !== name);
  for (const part of ['indexes', 'unique']) without(part, set => !termsOf(set).some(term => bare(term) === name));
  return changed;
}

// Rename a field, also where the definition names it. A field that is stored keeps its values: `renamed_from` says so.
export function renameField(draft, name, to, stored) {
  const renamed = each => (each === name ? to
    : String(each).startsWith(`${name}.`) ? to + each.slice(name.length) : each);
  const fields = Object.entries(draft.fields).map(([key, declaration]) => (
    key === name ? [to, withFormerName(declaration, name, to, stored)] : [key, withExpression(declaration, name, to)]));
  const changed = {...draft, fields: Object.fromEntries(fields)};
  const change = (part, update) => { if (draft[part] !== undefined) changed[part] = update(draft[part]); };
  const conditions = where => renameInWhere(where, renamed);
  change('label', renamed);
  for (const part of ['search', 'filters']) change(part, names => names.map(renamed));
  for (const part of ['indexes', 'unique']) change(part, sets => sets.map(set => renameInSet(set, renamed)));
  change('checks', checks => mapValues(checks, conditions));
  change('access', access => mapValues(access, grants => grants.map(grant => (
    grant?.where ? {...grant, where: conditions(grant.where)} : grant))));
  return changed;
}

function withFormerName(declaration, name, to, stored) {
  const former = formerNames(declaration);
  const isStored = stored && Object.hasOwn(stored.fields, name) && isSame(former, formerNames(stored.fields[name]));
  const names = (isStored ? [name, ...former] : former).filter(each => each !== to);
  return withOption(declaration, 'renamed_from', names);
}

function withExpression(declaration, name, to) {
  if (typeof declaration.computed !== 'string') return declaration;
  const computed = declaration.computed.replace(/'[^']*'|"[^"]*"|\w+/g, word => (word === name ? to : word));
  return {...declaration, computed};
}

function renameInSet(set, renamed) {
  const rename = term => (String(term).startsWith('-') ? `-${renamed(term.slice(1))}` : renamed(String(term)));
  if (Array.isArray(set)) return set.map(rename);
  if (set === null || typeof set !== 'object') return set;
  return {...set, fields: termsOf(set).map(rename), where: renameInWhere(set.where, renamed)};
}

function renameInWhere(where, renamed) {
  if (Array.isArray(where)) return where.map(each => renameInWhere(each, renamed));
  if (where === null || typeof where !== 'object') return where;
  return Object.fromEntries(Object.entries(where).map(([key, value]) => {
    if (['any', 'all', 'not'].includes(key)) return [key, renameInWhere(value, renamed)];
    return [renamed(key), renameOperands(value, renamed)];
  }));
}

function renameOperands(value, renamed) { // {gte: {field: starts}}
  if (value === null || typeof value !== 'object' || Array.isArray(value)) return value;
  return mapValues(value, operand => (
    typeof operand?.field === 'string' ? {...operand, field: renamed(operand.field)} : operand));
}

function mapValues(object, update) {
  return Object.fromEntries(Object.entries(object).map(([key, value]) => [key, update(value)]));
}

function termsOf(set) {
  return listOf(Array.isArray(set) ? set : set?.fields);
}

function bare(term) {
  return String(term).replace(/^-/, '');
}
