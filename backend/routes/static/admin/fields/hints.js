// What a form says about the values of a field, so that they are right at once; the API checks them.

const USUAL_LENGTH = 255; // of a string, if its definition has no other
const DEFAULT_THAT_VARIES = /^\$(now$|user\.)/;

// Returns one text; '' if there is nothing to say.
export function hintOf(field, isNew) {
  const {pattern, precision, scale} = field.options;
  const notes = [
    lengthOf(field), rangeOf(field), pattern && `Pattern: ${pattern}`,
    precision && `At most ${precision} digits, ${scale} of them after the point`,
    field.unique && 'No two records have the same value', isNew && varies(field) && `Without a value: ${field.default}`,
    !field.readable && 'The value is never shown. What is typed here replaces it',
  ].filter(Boolean);
  return [field.description && ended(field.description), ...notes.map(ended)].filter(Boolean).join(' ');
}

// Whether only the API knows the default of a field.
export function varies(field) {
  return DEFAULT_THAT_VARIES.test(field.default);
}

function ended(text) {
  return /[.!?…]$/.test(text) ? text : `${text}.`;
}

function lengthOf({options: {min_length: least, max_length: most}}) {
  const isUsual = most === USUAL_LENGTH && !least;
  return isUsual ? '' : between(least, most, 'characters');
}

function rangeOf({type, options: {min, max}}) {
  return ['list', 'references'].includes(type) ? between(min, max, 'values') : between(min, max);
}

function between(least = null, most = null, unit = '') {
  if (least === null && most === null) return '';
  const range = most === null ? `At least ${least}` : least === null ? `At most ${most}` : `${least} to ${most}`;
  return `${range} ${unit}`.trim();
}
