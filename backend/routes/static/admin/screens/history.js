// The changes of a record, the latest first.
import {html} from '../parts/html.js';
import {useLabels, targetNamed} from '../parts/labels.js';
import {useRead} from '../parts/reading.js';
import {ofUser} from '../parts/record/about.js';
import {Link, setQuery} from '../parts/router.js';
import {resourceNamed, titleOf} from '../parts/session.js';
import {Empty, Loaded} from '../parts/states.js';
import {Time} from '../parts/times.js';
import {wholeOf} from '../fields/index.js';

const PER_PAGE = 20;
const ACTIONS = {create: 'created', update: 'changed', delete: 'deleted'};
const SIDES = { // of a change that have values
  create: [['to', 'Value']], update: [['from', 'Before'], ['to', 'After']], delete: [['from', 'Value']],
};

export default function History({resource: name, id, query}) {
  const page = Number(query.get('page')) || 1;
  const read = useRead(`/${name}/${id}/history`, {page, per_page: PER_PAGE});
  return html`<div class="heading"><h1>History</h1>
      <div class="actions"><${Link} to=${`/admin/records/${name}/${id}`} class="button">The record<//></div></div>
    <${Loaded} read=${read}>${(entries, meta) => html`
      ${entries.length ? html`<${Entries} entries=${entries} resource=${resourceNamed(name)} />`
      : html`<${Empty}><p>No changes have been recorded. They are recorded from the next one on.</p><//>`}
      <${Pages} page=${page} pages=${meta.pages} />`}<//>`;
}

function Entries({entries, resource}) {
  const label = useLabels('users', targetNamed('users') ? entries.map(entry => entry.changed_by) : []);
  const fields = new Map(resource?.fields.map(field => [field.name, ofUser(field)]));
  const titleOfEntry = ({version, action, changed_by: by}) => `Version ${version}, ${ACTIONS[action]} by ${
    by ? label(by) : 'the system'}`;
  return html`<ol class="entries">${entries.map(entry => html`<li key=${entry.version} class="card">
    <h2>${titleOfEntry(entry)}</h2>
    <p class="quiet"><${Time} value=${entry.changed_at} /></p>
    <${Changes} action=${entry.action} changes=${entry.changes} fields=${fields} />
  </li>`)}</ol>`;
}

function Changes({action, changes, fields}) {
  const names = Object.keys(changes);
  if (!names.length) return html`<p class="quiet">Nothing that you may see.</p>`;
  const sides = SIDES[action];
  return html`<div class="scroll" tabindex="0"><table class="compared">
    <thead><tr><th scope="col">Field</th>${sides.map(([, title]) => html`<th scope="col">${title}</th>`)}</tr></thead>
    <tbody>${names.map(name => {
      const field = fields.get(name) ?? droppedField(name, Object.values(changes[name]));
      return html`<tr key=${name}><th scope="row">${titleOf(name)}</th>${sides.map(([side]) => html`
        <td>${wholeOf(field)(changes[name][side], field)}</td>`)}</tr>`;
    })}</tbody></table></div>`;
}

// Nothing says what the type of a field was that has been dropped.
function droppedField(name, values) {
  const isText = values.every(value => value === null || typeof value === 'string');
  return {name, type: isText ? 'string' : 'json', options: {}};
}

function Pages({page, pages}) {
  const go = number => () => {
    setQuery({page: number === 1 ? null : number});
    document.getElementById('content').focus();
    scrollTo(0, 0);
  };
  return pages > 1 && html`<div class="actions">
    <button disabled=${page <= 1} onClick=${go(page - 1)}>Newer</button>
    <span>Page ${page} of ${pages}</span>
    <button disabled=${page >= pages} onClick=${go(page + 1)}>Older</button>
  </div>`;
}
