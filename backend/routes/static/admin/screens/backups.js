// The backups in the server's backup folder: create, verify and download them.
import {html, useState} from '../parts/html.js';
import {bytesText, numberText} from '../parts/amounts.js';
import {call} from '../parts/api.js';
import {download} from '../parts/downloads.js';
import {Action} from '../parts/forms.js';
import {notify} from '../parts/notices.js';
import {useRead} from '../parts/reading.js';
import {may} from '../parts/session.js';
import {Empty, Loaded} from '../parts/states.js';
import {Time} from '../parts/times.js';

const JOB = 'back_up';
const pathOf = name => `/backups/${encodeURIComponent(name)}`;

export default function Backups() {
  const read = useRead('/backups');
  const copies = useRead(may('backups:write') ? '/backups/copies' : null);
  const [isCreating, setCreating] = useState(false);
  const create = async () => {
    setCreating(true);
    try {
      const {data} = await call('POST', '/backups');
      notify(`The backup is complete: ${bytesText(data.bytes)}.`);
      read.reload();
      copies.reload();
    } finally {
      setCreating(false);
    }
  };
  return html`<div class="heading"><h1>Backups</h1>
      ${may('backups:write') && html`
      <div class="actions"><${Action} class="main" onClick=${create}>Create backup<//></div>`}</div>
    <p role="status">${isCreating && 'The backup is being written. Others can read and write meanwhile.'}</p>
    ${may('system:read') && html`<${Schedule} />`}
    <${Loaded} read=${read}>${backups => (backups.length ? html`<${Table} backups=${backups} />` : html`<${Empty}>
      <p>There are no backups yet. Create one now.</p><//>`)}<//>
    ${may('backups:write') && html`<${Copies} read=${copies} />`}`;
}

function Copies({read}) {
  return html`<h2>Copies at another place</h2>
    <${Loaded} read=${read}>${copies => (copies.length ? html`
      <p class="quiet">Files at <code>LARDER_BACKUP_TARGET</code>.</p>
      <div class="scroll" tabindex="0" role="group" aria-label="Copies"><table>
        <thead><tr><th scope="col">Created</th><th scope="col" class="number">Size</th>
          <th scope="col">Where</th></tr></thead>
        <tbody>${copies.map(({name, bytes, created_at: created, is_in_folder: isHere}) => html`<tr key=${name}>
          <th scope="row"><${Time} value=${created} /><p class="hint">${name}</p></th>
          <td class="number">${bytesText(bytes)}</td>
          <td>${isHere ? 'Also in the backup folder' : 'Only there'}</td></tr>`)}</tbody>
      </table></div>` : html`<${Empty}><p>There are none. <code>LARDER_BACKUP_TARGET</code> names
        another disk or a bucket to which each backup is copied.</p><//>`)}<//>`;
}

function Schedule() {
  const {data: jobs = []} = useRead('/jobs');
  const job = jobs.find(({name}) => name === JOB);
  if (!job) return null;
  return job.schedule ? html`<p>Larder creates a backup by the schedule <code>${job.schedule}</code> (UTC), next at
    ${' '}<${Time} value=${job.next_run_at} />.</p>`
    : html`<p>No backups are scheduled. For one each night, set <code>LARDER_BACKUP_SCHEDULE=15 3 * * *</code>.</p>`;
}

function Table({backups}) {
  return html`${backups.some(({files}) => files) && html`<p class="quiet">Uploaded files are not in a backup but beside
      it, in the folder <code>file-copies</code>: a download is without them.</p>`}
    <div class="scroll" tabindex="0" role="group" aria-label="Backups"><table>
    <thead><tr><th scope="col">Created</th><th scope="col" class="number">Size</th>
      <th scope="col" class="number">Rows</th><th scope="col" class="number">Files</th>
      <th scope="col">Created by</th>
      <th scope="col"><span class="hidden-text">Actions</span></th></tr></thead>
    <tbody>${backups.map(backup => html`<${Backup} key=${backup.name} ...${backup} />`)}</tbody>
  </table></div>`;
}

function Backup({name, bytes, created_at: created, version, database, counts, files, files_bytes: filesBytes}) {
  const save = () => download(`${pathOf(name)}/file`, name, {explain: () => call('GET', pathOf(name))});
  const rows = counts && Object.values(counts).reduce((total, count) => total + count, 0);
  return html`<tr><th scope="row">${created ? html`<${Time} value=${created} />` : html`
      <span class="wrong">Cannot be read</span>`}<p class="hint">${name}</p></th>
    <td class="number">${bytesText(bytes)}</td><td class="number">${rows === null ? '–' : numberText(rows)}</td>
    <td class="number">${files === null ? '–' : filesText(files, filesBytes)}</td>
    <td>${created ? `Larder ${version} on ${database}` : '–'}</td>
    <td><div class="row-actions"><${Verify} name=${name} />
      ${may('backups:download') && html`<${Action} aria-label=${`Download ${name}`}
        onClick=${save}>Download<//>`}</div></td></tr>`;
}

function filesText(files, bytes) {
  return files ? `${numberText(files)} (${bytesText(bytes)})` : numberText(files);
}

function Verify({name}) {
  const [result, setResult] = useState(null);
  const verify = async () => {
    setResult('…');
    try {
      setResult((await call('POST', `${pathOf(name)}/verification`)).data);
    } catch (error) {
      setResult(null);
      throw error;
    }
  };
  return html`<${Action} aria-label=${`Verify ${name}`} onClick=${verify}>Verify<//>
    <span role="status">${result === '…' ? 'Reading the whole backup…' : result && (result.is_intact
      ? html`<strong class="right">Intact</strong>`
      : html`<strong class="wrong">Damaged: ${result.damage}</strong>`)}</span>`;
}
