// How a file is written that is imported: the names of its columns, and options of the API for its values.
import {html, useLayoutEffect, useState} from '../html.js';
import {Select, TextInput} from '../forms.js';
import {resourceNamed} from '../session.js';

const JSON_LINES = /\.(ndjson|jsonl)$/i;
const OPTIONS = [ // [parameter, label, choices; none for words]
  ['delimiter', 'Columns are separated by', [['', 'Commas'], [';', 'Semicolons'], ['tab', 'Tabs']]],
  ['encoding', 'Encoding', [['', 'UTF-8'], ['windows-1252', 'Windows, Western Europe'], ['latin-1', 'Latin 1'],
    ['utf-16-le', 'UTF-16']]],
  ['date_format', 'Days', [['', '2026-01-31'], ['dmy', '31.01.2026'], ['mdy', '1/31/2026'], ['ymd', '2026/01/31']]],
  ['decimal', 'Decimal sign', [['', 'Point'], [',', 'Comma']]],
  ['thousands', 'Thousands are separated by', [['', 'Nothing'], [',', 'Commas'], ['.', 'Points'], ['space', 'Spaces'],
    ["'", 'Apostrophes']]],
  ['zeros', 'Whole numbers', [['', '12'], ['strip', '12.0']]],
  ['percent', 'Percent signs', [['', 'None'], ['strip', '12% is 12'], ['divide', '12% is 0.12']]],
  ['currency', 'Currencies', [['', 'None'], ['strip', 'Leave them out']]],
  ['true', 'Words for true'], ['false', 'Words for false'], ['null', 'Words for no value'],
];

// The media type of a file by its name: browsers know none for JSON lines.
export function typeOfFile(file) {
  return JSON_LINES.test(file.name) ? 'application/x-ndjson' : 'text/csv';
}

// Returns {map, …} of the query of a link: `map` has the field of each column that has another name.
export function formatOf(query) {
  const {map, ...format} = Object.fromEntries(query);
  const pairs = query.getAll('map').flatMap(each => each.split(',')).map(each => each.split('='));
  return {...format, map: Object.fromEntries(pairs.map(([column, field = '']) => [column, field]))};
}

export function queryOfFormat({map, ...format}) {
  return {...format, map: Object.entries(map).map(([column, field]) => `${column}=${field}`)};
}

// The columns that a report could not read: those without a field, and references without an id.
export function columnsToName(resource, {problems}) {
  const columns = problems.filter(({place, code, expected}) => code === 'unknown_column'
    || (expected === 'uuid' && resource.fields.some(({name, to}) => name === place && to))).map(({place}) => place);
  return [...new Set(columns)];
}

// `isFound`: the API finds how values are written, where only one way fits. `isUnread`: it could read no row.
export function FileFormat({resource, columns, format, onChange, isBusy, isFound, isUnread}) {
  const {map} = format;
  const names = [...new Set([...Object.keys(map), ...columns])];
  const name = (column, field) => {
    const {[column]: former, ...rest} = map;
    onChange({...format, map: field === column ? rest : {...rest, [column]: field}});
  };
  return html`${names.length > 0 && html`<fieldset class="choices"><legend>Names of columns</legend>
      ${names.map(column => html`<${ColumnField} key=${column} ...${{resource, column, isBusy}} field=${map[column]}
        onInput=${field => name(column, field)} />`)}</fieldset>`}
    <${Values} ...${{format, isBusy, isFound, isUnread}}
      onInput=${(option, value) => onChange({...format, [option]: value || null})} />`;
}

function Values({format: {map, ...format}, onInput, isBusy, isFound, isUnread}) {
  const [isOpen, setOpen] = useState(Object.values(format).some(Boolean));
  useLayoutEffect(() => {
    if (isUnread) setOpen(true);
  }, [isUnread]);
  return html`<details class="field" open=${isOpen} onToggle=${event => setOpen(event.currentTarget.open)}>
    <summary>How the values are written</summary>
    <div class="options-of-field">${OPTIONS.map(([option, label, choices]) => {
      const shared = {label, disabled: isBusy, value: format[option] ?? '', onInput: value => onInput(option, value)};
      if (!choices) {
        return html`<${TextInput} key=${option} ...${shared} hint=${`${option}= with commas between several`} />`;
      }
      const [[, usual], ...others] = choices;
      return html`<${Select} key=${option} ...${shared} hint=${`${option}=`}
        options=${[['', isFound ? 'As found' : usual], ...others]} />`;
    })}</div></details>`;
}

function ColumnField({resource, column, field, onInput, isBusy}) {
  const fields = resource.fields.filter(({writable}) => writable.length);
  const own = fields.find(({name}) => name === column);
  const names = fields.flatMap(namesOf).filter(name => name !== column);
  const options = [[column, own ? `${column}: the id` : 'Choose a field'], ['', 'Leave it out'], ...names];
  const target = own && namesOf(own).length === 1 && own.to;
  return html`<${Select} label=${`Column ${column}`} value=${field ?? column} options=${options} disabled=${isBusy}
    onInput=${onInput} hint=${target && target !== 'users'
      ? `It has ids. To write another field of ${target} here, make that field unique in the definition of ${target}.`
      : undefined} />`;
}

// A column can name a related record by one of its unique fields.
export function namesOf({name, to}) {
  const keys = resourceNamed(to)?.keys.filter(key => !key.includes(',')) ?? [];
  return [name, ...keys.map(key => `${name}_${key}`)];
}
