// The options of a field: an input for each that its type has, as the API describes them.
import {html} from '../html.js';
import {Checkbox, Select} from '../forms.js';
import {titleOf} from '../session.js';
import {setField, withOption} from './draft.js';
import {LinesInput, NumberInput, ParsedInput} from './inputs.js';
import {optionsOf} from './types.js';

const HINTS = {
  choices: 'One a line.',
  computed: 'An expression that the database computes the value from, such as price * quantity.',
  ignore_case: 'Upper and lower case are the same.',
  pattern: 'A regular expression (RE2) that the text must match.',
  to: 'The resource whose records it refers to, or users.',
  on_delete: 'What happens if the other record is deleted. Without a choice: restrict.',
  of: 'The type of each value.',
};
const MEANINGS = {
  restrict: 'restrict: refuse to delete the other one', cascade: 'cascade: delete this record too',
  set_null: 'set_null: leave this field without a value',
};
const READERS = ['readable_by', 'writable_by'];

export function FieldOptions({shown, name, type}) {
  const {draft, change} = shown;
  const declaration = draft.fields[name];
  const set = (option, value) => change(setField(draft, name, withOption(declaration, option, value,
    READERS.includes(option))));
  return html`<div class="options-of-field" role="group" aria-label=${`Options of ${name}`}>
    ${optionsOf(type).map(option => html`<${Option} key=${option} option=${option} schema=${type.properties[option]}
    isRequired=${type.required?.includes(option)} value=${declaration[option]}
    shown=${shown} problems=${shown.problemsAt(`fields.${name}.${option}`)} onInput=${value => set(option, value)} />`)}
  </div>`;
}

function Option({option, schema, isRequired, value, shown, problems, onInput}) {
  const label = `${titleOf(option)}${isRequired ? ' (required)' : ''}`;
  const common = {label, hint: HINTS[option], problems, value, onInput};
  if (option === 'to') return html`<${ChoiceInput} ...${common} choices=${targetsOf(shown)} />`;
  if (READERS.includes(option)) return html`<${RolesInput} ...${common} roles=${shown.roles} option=${option} />`;
  if (schema.enum) return html`<${ChoiceInput} ...${common} choices=${schema.enum} />`;
  const kinds = [schema.type].flat();
  if (kinds.includes('boolean')) {
    return html`<${Checkbox} label=${HINTS[option] ? `${label}: ${HINTS[option].toLowerCase()}` : label}
      checked=${value === true} onInput=${onInput} />`;
  }
  if (kinds.includes('array')) return html`<${LinesInput} ...${common} />`;
  if (kinds.includes('integer') || kinds.includes('number')) return html`<${NumberInput} ...${common} />`;
  return html`<${ParsedInput} ...${common} format=${text => String(text ?? '')}
    read=${text => ({value: text || undefined})} />`;
}

// A record can also refer to one of its own resource, which may be new.
function targetsOf({resources, draft}) {
  return [...new Set([...resources, draft.name].filter(Boolean)), 'users'];
}

function ChoiceInput({label, hint, problems, value, choices, onInput}) {
  const known = value === undefined || choices.includes(value) ? choices : [...choices, value];
  return html`<${Select} label=${label} hint=${hint} problems=${problems} value=${value ?? ''}
    options=${[['', '–'], ...known.map(each => [each, MEANINGS[each] ?? each])]}
    onInput=${text => onInput(text || undefined)} />`;
}

// Everybody, or a list of roles; an empty one is for admins alone.
function RolesInput({label, problems, value, roles, onInput, option}) {
  const chosen = Array.isArray(value) ? value : [];
  const verb = option === 'readable_by' ? 'read it' : 'set it';
  const all = [...new Set([...roles.filter(role => role !== 'admin'), ...chosen])];
  const toggle = (role, isChosen) => onInput(isChosen ? [...chosen, role] : chosen.filter(each => each !== role));
  return html`<fieldset><legend>${label}</legend>
    <${Checkbox} label=${`Only some roles may ${verb}`} checked=${Array.isArray(value)}
      onInput=${isLimited => onInput(isLimited ? [] : undefined)} />
    ${Array.isArray(value) && html`<p class="hint">Admins always may.</p>${all.map(role => html`
      <${Checkbox} key=${role} label=${role} checked=${chosen.includes(role)} onInput=${on => toggle(role, on)} />`)}`}
    ${problems.length > 0 && html`<ul class="problems">${problems.map(text => html`<li>${text}</li>`)}</ul>`}
  </fieldset>`;
}
