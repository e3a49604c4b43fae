// What a form says about the values of a field, so that they are right at once; the API checks them.

// What definitions have by default is not said.
const USUAL_LENGTHS = {string: 255, email: 254, url: 2048};
const USUAL_COUNTS = {list: 50, references: 100};
const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
const DEFAULT_THAT_VARIES = /^\$(now$|user\.)/;

// Returns one text; '' if there is nothing to say.
export function hintOf(field, isNew) {
  const {pattern, precision, scale} = field.options;
  const notes = [
    lengthOf(field), rangeOf(field), pattern && `Pattern: ${pattern}`,
    field.type === 'datetime' && `Time zone: ${zone}`,
    precision && `At most ${precision} digits, ${scale} of them after the point`,
    field.unique && 'No two records have the same value',
    isNew && varies(field) && `Default: ${field.default.replace('$user.', 'your ').replace('$now', 'now')}`,
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

function lengthOf({type, options: {min_length: least, max_length: most}}) {
  return between(least, most === USUAL_LENGTHS[type] ? null : most, 'characters');
}

function rangeOf({type, options: {min, max}}) {
  const usual = USUAL_COUNTS[type];
  return between(min, max === usual ? null : max, usual ? 'values' : '');
}

function between(least = null, most = null, unit = '') {
  if (least === null && most === null) return '';
  const range = most === null ? `At least ${least}` : least === null ? `At most ${most}` : `${least} to ${most}`;
  return `${range} ${(most ?? least) === 1 ? unit.replace(/s$/, '') : unit}`.trim();
}
