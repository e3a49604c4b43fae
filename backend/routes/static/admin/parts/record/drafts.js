// What is typed into the form of a record: a map of field to draft, which becomes the body of a request.
import {refuse} from '../forms.js';
import {varies} from '../../fields/hints.js';
import {typeOf} from '../../fields/index.js';

// The drafts of a record, or those of the defaults for a new one.
export function draftsOf(fields, record) {
  return Object.fromEntries(fields.map(field => {
    const value = record ? record[field.name] : varies(field) ? null : field.default;
    return [field.name, typeOf(field).format(value, field)];
  }));
}

export function isSame(one, other) {
  return JSON.stringify(one) === JSON.stringify(other);
}

export function changedFields(fields, drafts, former) {
  return fields.filter(({name}) => !isSame(drafts[name], former[name]));
}

// Returns the values of drafts. What a field must have and a draft has not is left out of a new record, which gets its
// default. In others it is the default, or else null, which the API refuses. Throws ApiError with problems by field.
export function valuesOf(fields, drafts, isNew) {
  const values = {};
  const problems = {};
  for (const field of fields) {
    try {
      const value = typeOf(field).parse(drafts[field.name], field);
      if (value !== null || field.nullable) values[field.name] = value;
      else if (!isNew) values[field.name] = varies(field) ? null : field.default;
    } catch (error) {
      problems[field.name] = [error.message];
    }
  }
  refuse(problems);
  return values;
}
