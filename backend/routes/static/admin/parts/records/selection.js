// The records that are selected in a list, and their deletion.
import {html, useLayoutEffect, useState} from '../html.js';
import {ApiError, call} from '../api.js';
import {countText} from '../amounts.js';
import {ask} from '../dialogs.js';
import {Action} from '../forms.js';
import {labelOf} from '../labels.js';
import {notify} from '../notices.js';
import {titleOf} from '../session.js';

const MOST_AT_ONCE = 100; // operations of a batch
const ABOUT_ALL = [401, 429, 503]; // errors that the next request would get, too

// Returns {chosen: Map of id to record, set(records, isChosen), clear}. A change of `key` clears the selection.
export function useSelection(key) {
  const [chosen, setChosen] = useState(new Map());
  const clear = () => setChosen(new Map());
  useLayoutEffect(clear, [key]);
  const set = (records, isChosen) => setChosen(former => {
    const next = new Map(former);
    for (const record of records) {
      if (isChosen) next.set(record.id, record);
      else next.delete(record.id);
    }
    return next;
  });
  return {chosen, set, clear};
}

// What can be done with the selected records.
export function SelectionBar({resource, selection, onDeleted}) {
  const [progress, setProgress] = useState(null);
  const [failures, setFailures] = useState([]);
  const {chosen} = selection;
  const remove = async () => {
    const records = [...chosen.values()];
    if (!await ask(questionOf(resource, records.length))) return;
    setFailures([]);
    try {
      setFailures(await deleteRecords(resource, records, setProgress, done => selection.set(done, false)));
    } finally {
      setProgress(null);
      onDeleted();
    }
  };
  if (!chosen.size) return null;
  return html`
    <div class="actions"><span role="status">${countText(chosen.size, 'record')} selected</span>
      <button type="button" onClick=${() => { setFailures([]); selection.clear(); }}>Clear selection</button>
      <${Action} class="danger" onClick=${remove}>Delete ${countText(chosen.size, 'record')}<//></div>
    ${progress !== null && html`<progress aria-label="Deleting" value=${progress} max="1"></progress>`}
    ${failures.length > 0 && html`<div class="error" role="alert">
      <p>${countText(failures.length, 'record')} could not be deleted:</p>
      <ul>${failures.map(({record, message}) => html`<li key=${record.id}>
        <strong>${labelOf(resource, record)}</strong>: ${message}</li>`)}</ul></div>`}`;
}

function questionOf(resource, count) {
  return {title: `Delete ${countText(count, 'record')}?`, action: 'Delete', isDangerous: true,
    typed: count > MOST_AT_ONCE ? String(count) : null,
    text: `The selected records of ${titleOf(resource.name)} are deleted for everybody. This cannot be undone.`};
}

// Returns [{record, message}] of those that could not be deleted. `onDone` gets those that are deleted.
async function deleteRecords(resource, records, setProgress, onDone) {
  const failures = [];
  for (let start = 0; start < records.length; start += MOST_AT_ONCE) {
    setProgress(start / records.length);
    failures.push(...await deleteTogether(resource, records.slice(start, start + MOST_AT_ONCE), onDone));
  }
  const count = records.length - failures.length;
  if (count) notify(`${countText(count, 'record')} deleted.`);
  return failures;
}

// A batch does all or nothing: if one of its records cannot be deleted, each is deleted alone.
async function deleteTogether(resource, records, onDone) {
  const operations = records.map(({id, version}) => (
    {op: 'delete', resource: resource.name, id, ...(version && {if_match: String(version)})}));
  if (!await refusalOf(() => call('POST', '/batch', {body: {operations}}))) {
    onDone(records);
    return [];
  }
  const failures = [];
  for (const record of records) {
    const headers = record.version ? {'If-Match': `"${record.version}"`} : {};
    const message = await refusalOf(() => call('DELETE', `/${resource.name}/${record.id}`, {headers}));
    if (message) failures.push({record, message});
    else onDone([record]);
  }
  return failures;
}

// Returns why the API refused a request; null if it did not. Throws errors that the next request would get, too.
async function refusalOf(request) {
  try {
    await request();
    return null;
  } catch (error) {
    if (!(error instanceof ApiError) || ABOUT_ALL.includes(error.status)) throw error;
    return error.message;
  }
}
