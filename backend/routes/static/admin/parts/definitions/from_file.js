// Propose a definition for a file of records.
import {html, useId, useState} from '../html.js';
import {call} from '../api.js';
import {notifyError} from '../notices.js';
import {typeOfFile} from '../records/file_format.js';

export function FromFile({onProposal}) {
  const [isReading, setReading] = useState(false);
  const id = useId();
  const propose = async event => {
    const [file] = event.target.files;
    if (!file) return;
    setReading(true);
    try {
      const query = {name: file.name.replace(/\.[^.]*$/, '') || 'records'};
      const headers = {'Content-Type': typeOfFile(file)};
      onProposal((await call('POST', '/resources/proposal', {query, body: file, headers})).data);
    } catch (error) {
      notifyError(error);
    }
    setReading(false);
  };
  const choose = event => {
    if (isReading) event.preventDefault();
    else event.target.value = ''; // so that a file that was corrected meanwhile can be chosen again
  };
  return html`<div class="field"><label for=${id}>From a CSV file</label>
    <input type="file" id=${id} accept=".csv,.tsv,.txt,.ndjson,.jsonl,text/csv" aria-disabled=${isReading}
      onClick=${choose} onChange=${propose} aria-describedby=${`${id}-hint`} />
    <p class="hint" id=${`${id}-hint`}>${isReading ? 'Reading…'
      : 'Proposes fields that fit all its rows. Nothing is created before you apply it.'}</p></div>`;
}
