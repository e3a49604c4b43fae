// The dialog that downloads what a list shows.
import {html, useState} from '../html.js';
import {call} from '../api.js';
import {Dialog} from '../dialogs.js';
import {download} from '../downloads.js';
import {Action, Select} from '../forms.js';
import {titleOf} from '../session.js';
import {selectionOf} from './query.js';

const FORMATS = [['csv', 'CSV, for spreadsheets'], ['ndjson', 'JSON lines, for programs']];
const COLUMNS = [['all', 'All columns'], ['shown', 'The columns that are shown']];

export function ExportDialog({resource, shown, columns, onClose}) {
  const [format, setFormat] = useState('csv');
  const [which, setWhich] = useState('all');
  const isChosen = shown.filters.length > 0 || shown.q;
  const exportRecords = async () => {
    const fields = which === 'shown' ? columns.map(({name}) => name).join(',') : null;
    await startExport(resource, {...selectionOf(shown), sort: shown.sort, fields}, format);
    onClose();
  };
  return html`<${Dialog} title=${`Export ${titleOf(resource.name).toLowerCase()}`} onClose=${onClose}>
    <p>${isChosen ? 'The file has the records that meet the filters of the list.' : 'The file has all records.'}</p>
    <${Select} label="Format" value=${format} onInput=${setFormat} options=${FORMATS} />
    <${Select} label="Columns" value=${which} onInput=${setWhich} options=${COLUMNS} />
    <div class="actions">
      <button type="button" onClick=${onClose}>Cancel</button>
      <${Action} class="main" onClick=${exportRecords}>Download<//>
    </div>
  <//>`;
}

function startExport({name}, query, format) {
  // Its error has a text.
  const explain = () => call('GET', `/${name}`, {query: {...query, per_page: 1, count: false}});
  return download(`/${name}/export`, `${name}.${format}`, {query: {...query, format}, explain});
}
