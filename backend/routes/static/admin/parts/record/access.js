// What a person may do with a record.
import {MAX_EXPANSIONS} from '../labels.js';

// Whether an action may be performed on a record, as far as it can be known: for those of a rule the API decides.
export function mayDo(resource, action, record, user) {
  const extent = resource.actions[action];
  return extent === 'own' ? record.created_by === user?.id : extent !== undefined;
}

// The fields that a form can set: those of a new record, or of this one.
export function settableFields(resource, record, user) {
  const action = record ? 'update' : 'create';
  if (record && !mayDo(resource, action, record, user)) return [];
  return resource.fields.filter(field => field.writable.includes(action));
}

// The query with which a record is read: with the labels of those to which it refers.
export function expansion(resource) {
  const fields = new Map(resource.fields.map(field => [field.name, field]));
  const names = resource.relations.filter(({name, field, back}) => !back && name === field).map(({name}) => name)
    .slice(0, MAX_EXPANSIONS);
  const shown = names.map(name => [`expand.${name}.fields`, fields.get(name)?.to_label ?? 'id']);
  return names.length ? {expand: names.join(','), ...Object.fromEntries(shown)} : {};
}
