// The records of a resource.
import {html, useEffect, useLayoutEffect, useState} from '../parts/html.js';
import {useRead} from '../parts/reading.js';
import {ColumnsDialog, useColumns} from '../parts/records/columns.js';
import {ExportDialog} from '../parts/records/export.js';
import {clearFilters, Filters} from '../parts/records/filters.js';
import {Pager} from '../parts/records/pager.js';
import {changeList, listQueryOf, normalize, readQuery, selectionOf} from '../parts/records/query.js';
import {SelectionBar, useSelection} from '../parts/records/selection.js';
import {Table} from '../parts/records/table.js';
import {Link} from '../parts/router.js';
import {load, may, person, resourceNamed, titleOf} from '../parts/session.js';
import {Empty, Loaded} from '../parts/states.js';
import {useStore} from '../parts/store.js';
import Missing from './missing.js';

export default function Records({resource: name, query}) {
  useStore(person);
  const resource = resourceNamed(name);
  return resource ? html`<${List} resource=${resource} query=${query} />` : html`<${Missing} />`;
}

function List({resource, query}) {
  const shown = readQuery(query);
  useEffect(() => normalize(shown), [query]);
  const [columns, choose] = useColumns(resource);
  const [dialog, setDialog] = useState(null);
  const read = useRead(`/${resource.name}`, listQueryOf(shown, resource, columns));
  const selection = useSelection(JSON.stringify(selectionOf(shown)));
  const close = () => setDialog(null);
  const Chosen = {columns: ColumnsDialog, export: ExportDialog}[dialog];
  return html`
    <${Heading} resource=${resource} setDialog=${setDialog} />
    <${Filters} resource=${resource} shown=${shown} problems=${read.error?.queryProblems ?? {}}>
      ${resource.search.length > 0 && html`<${Search} fields=${resource.search} q=${shown.q ?? ''} />`}
    <//>
    ${resource.actions.delete && html`<${SelectionBar} resource=${resource} selection=${selection}
      onDeleted=${read.reload} />`}
    <${Loaded} read=${{...read, reload: () => load().then(read.reload, read.reload)}}>${(records, meta) => html`
      ${records.length ? html`<${Table} resource=${resource} columns=${columns} records=${records} sort=${shown.sort}
        selection=${resource.actions.delete ? selection : null} />`
        : html`<${None} resource=${resource} shown=${shown} />`}
      ${(records.length > 0 || shown.cursor) && html`<${Pager} resource=${resource} shown=${shown} meta=${meta}
        count=${records.length} />`}`}<//>
    ${Chosen && html`<${Chosen} resource=${resource} shown=${shown} columns=${columns} choose=${choose}
      onClose=${close} />`}`;
}

function Heading({resource: {name, description, actions}, setDialog}) {
  return html`<div class="heading">
    <div><h1>${titleOf(name)}</h1>${description && html`<p class="quiet">${description}</p>`}</div>
    <div class="actions">
      ${actions.create && html`<${Link} class="button main" to=${`/admin/records/${name}/new`}>New record<//>`}
      ${actions.import && html`<${Link} class="button" to=${`/admin/records/${name}/import`}>Import<//>`}
      ${actions.export && html`<button type="button" onClick=${() => setDialog('export')}>Export</button>`}
      <button type="button" onClick=${() => setDialog('columns')}>Columns</button>
      ${may('resources:write') && html`<${Link} class="button" to=${`/admin/resources/${name}`}>Definition<//>`}
    </div>
  </div>`;
}

function Search({fields, q}) {
  const [text, setText] = useState(q);
  useLayoutEffect(() => setText(q), [q]); // also after back and forward
  const search = event => {
    event.preventDefault();
    changeList({q: text.trim() || null});
  };
  return html`<form role="search" class="row" onSubmit=${search}>
    <input type="search" aria-label="Search" placeholder=${`Search ${fields.map(titleOf).join(', ').toLowerCase()}`}
      value=${text} onInput=${event => setText(event.target.value)} />
    <button>Search</button>
  </form>`;
}

function None({resource: {name, actions}, shown}) {
  if (shown.filters.length || shown.q) {
    return html`<${Empty}><p>No records match.</p>
      <button type="button" onClick=${() => clearFilters(shown)}>Show all records</button><//>`;
  }
  if (shown.cursor) return html`<${Empty}><p>There are no records on this page any more.</p><//>`;
  return html`<${Empty}><p>There are no records yet${actions.list === 'all' ? '' : ' that you may see'}.</p>
    <p>${actions.create && html`<${Link} to=${`/admin/records/${name}/new`}>Create the first one<//>`}
      ${actions.create && actions.import && ' or '}
      ${actions.import && html`<${Link} to=${`/admin/records/${name}/import`}>import a file<//>`}</p><//>`;
}
