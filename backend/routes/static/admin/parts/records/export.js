// The dialog that downloads what a list shows.
import {html, useState} from '../html.js';
import {call, send, urlOf} from '../api.js';
import {Dialog} from '../dialogs.js';
import {startDownload} from '../downloads.js';
import {Action, Select} from '../forms.js';
import {titleOf} from '../session.js';
import {selectionOf} from './query.js';

const FORMATS = [['csv', 'CSV, for spreadsheets'], ['ndjson', 'JSON lines, for programs']];
const COLUMNS = [['all', 'All columns'], ['shown', 'The columns that are shown']];

export function ExportDialog({resource, shown, columns, onClose}) {
  const [format, setFormat] = useState('csv');
  const [which, setWhich] = useState('all');
  const isChosen = shown.filters.length > 0 || shown.q;
  const download = async () => {
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
      <${Action} class="main" onClick=${download}>Download<//>
    </div>
  <//>`;
}

// The browser writes the file by itself. It cannot renew the session, so the first request does, and checks the rest.
async function startExport(resource, query, format) {
  const path = `/${resource.name}/export`;
  const {ok, status} = await send('HEAD', path, {query: {...query, format}});
  if (!ok) {
    await call('GET', `/${resource.name}`, {query: {...query, per_page: 1, count: false}}); // its error has a text
    throw new Error(`The export was refused with the status ${status}.`);
  }
  startDownload(urlOf(path, {...query, format}), `${resource.name}.${format}`);
}
