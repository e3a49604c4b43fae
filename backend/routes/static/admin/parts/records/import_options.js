// What is asked before an import.
import {html} from '../html.js';
import {Checkbox, Labelled, Select} from '../forms.js';
import {resourceNamed, titleOf} from '../session.js';

// `options` are {key, isLenient, keepGood, format}; `key` is '' where each row is a new record, and `format` has the
// parameters of the API that say how the file is written.
export function ImportOptions({resource, options, onChange, onFile, isBusy}) {
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
    ${Object.keys(options.format).length > 0 && html`<p>The file is read with ${Object.entries(options.format)
      .map(([name, value]) => html`<code>${name}=${value}</code> `)}</p>`}
    <${Checkbox} label="Read files that are written differently, such as with semicolons or decimal commas"
      checked=${options.isLenient} disabled=${isBusy} onInput=${isLenient => change({isLenient})} />
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

// A column can name a related record by one of its unique fields.
function namesOf({name, to}) {
  const keys = resourceNamed(to)?.keys.filter(key => !key.includes(',')) ?? [];
  return [name, ...keys.map(key => `${name}_${key}`)];
}

function isNeeded({required, default: value, writable}) {
  return required && value === null && writable.includes('create');
}
