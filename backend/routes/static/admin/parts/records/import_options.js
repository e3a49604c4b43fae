// What is asked before an import.
import {html} from '../html.js';
import {Checkbox, Labelled, Select} from '../forms.js';
import {titleOf} from '../session.js';
import {FileFormat, namesOf} from './file_format.js';

// `options` are {key, isLenient, keepGood, format}; `key` is '' where each row is a new record, and `format` has the
// parameters of the API that say how the file is written. `columns` are those that need a field. `isUnread`: a
// check could read no row.
export function ImportOptions({resource, columns, isUnread, options, onChange, onFile, isBusy}) {
  const change = part => onChange({...options, ...part});
  const forget = event => { // so that a file that was mended meanwhile can be chosen again
    event.target.value = '';
    onFile(null);
  };
  return html`
    <${Labelled} label="File" hint="CSV with a line of headings (.csv), or JSON lines (.ndjson or .jsonl).">
      ${attributes => html`<input ...${attributes} type="file" disabled=${isBusy}
        accept=".csv,.ndjson,.jsonl,.txt,text/csv,application/x-ndjson"
        onClick=${forget} onChange=${event => onFile(event.target.files[0] ?? null)} />`}<//>
    <${ColumnNames} resource=${resource} />
    <${Select} label="What rows do" value=${options.key} disabled=${isBusy} options=${modesOf(resource)}
      onInput=${key => change({key})} />
    <${Checkbox} label="Read files that are written differently, such as with semicolons or decimal commas"
      checked=${options.isLenient} disabled=${isBusy} onInput=${isLenient => change({isLenient})} />
    <${FileFormat} ...${{resource, columns, isBusy, isUnread}} isFound=${options.isLenient} format=${options.format}
      onChange=${format => change({format})} />
    <${Checkbox} label="Import the valid rows even if others are not valid" checked=${options.keepGood}
      disabled=${isBusy} onInput=${keepGood => change({keepGood})} />`;
}

function modesOf({keys, actions}) {
  const update = key => `Update the record with the same ${key.split(',').map(titleOf).join(' and ').toLowerCase()}`;
  return [
    ...(actions.create ? [['', 'Create a record for each row']] : []),
    ...(actions.update ? [...keys, 'id'] : []).map(key => (
      [key, `${update(key)}${actions.create ? ', or create it' : ''}`])),
  ];
}

function ColumnNames({resource}) {
  const fields = resource.fields.filter(({writable}) => writable.length);
  return html`<details class="field"><summary>Columns of the file</summary>
    <ul>${fields.map(field => html`<li key=${field.name}>${namesOf(field).map((name, index) => html`
      ${index > 0 && ' or '}<code>${name}</code>`)}${isNeeded(field) && ' (required)'}
      ${field.description && html` <span class="quiet">${field.description}</span>`}</li>`)}</ul></details>`;
}

function isNeeded({required, default: value, writable}) {
  return required && value === null && writable.includes('create');
}
