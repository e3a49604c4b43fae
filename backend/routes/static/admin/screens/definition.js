// A resource: its definition in a form and as YAML. Every change is planned first.
import {html, useEffect, useState} from '../parts/html.js';
import {countText} from '../parts/amounts.js';
import {call} from '../parts/api.js';
import {useAbout} from '../parts/definitions/about.js';
import {FromFile} from '../parts/definitions/from_file.js';
import {definitionOf, NEW_DEFINITION} from '../parts/definitions/draft.js';
import {drop} from '../parts/definitions/dropping.js';
import {Editor, useDraft} from '../parts/definitions/editor.js';
import {Action} from '../parts/forms.js';
import {namesOf} from '../parts/records/file_format.js';
import {Link, navigate, setQuery} from '../parts/router.js';
import {load, may} from '../parts/session.js';
import {Failure} from '../parts/states.js';

export default function DefinitionScreen({name, query}) {
  const about = useAbout();
  const [read, setRead] = useState({});
  const version = query.get('version');
  const start = () => {
    setRead({});
    (name ? readStored(name, version) : Promise.resolve({start: NEW_DEFINITION, stored: null})).then(setRead,
      error => setRead({error}));
  };
  useEffect(start, []);
  const error = read.error ?? about.error;
  return html`<div class="heading"><h1>${name ?? 'New resource'}</h1>
      ${read.stored && html`<div class="actions">
        <${Link} class="button" to=${`/admin/records/${name}`}>Records<//>
        <${Link} class="button" to=${`/admin/resources/${name}/versions`}>Versions<//>
        ${may('resources:write') && html`<${Action} class="danger"
          onClick=${() => drop(name, read.stored.etag)}>Drop…<//>`}</div>`}</div>
    ${error ? html`<${Failure} error=${error} retry=${() => { about.retry?.(); start(); }} />`
    : about.types && read.start ? html`<${Loaded} ...${read} version=${version} about=${about} />`
    : html`<p class="quiet" role="status">Loading…</p>`}`;
}

// A `version` of the past is a draft, which is compared with the definition of today.
async function readStored(name, version) {
  const path = `/resources/${name}`;
  const [{data, etag}, former] = await Promise.all([
    call('GET', path), version && call('GET', `${path}/versions/${version}`),
  ]);
  const stored = {definition: definitionOf(data), etag};
  const draft = former?.data.definition;
  return {stored, start: draft ? {name, ...draft} : stored.definition};
}

function Loaded({stored: first, start, version, about}) {
  const [stored, setStored] = useState(first);
  const [proposal, setProposal] = useState(null);
  const [initial, setInitial] = useState(start);
  const state = useDraft(start);
  const propose = proposed => {
    setProposal(proposed);
    setInitial(null);
    state.change({...proposed.definition, access: NEW_DEFINITION.access});
  };
  const applied = async (definition, etag, {keepsDraft = false, isSaved = false} = {}) => {
    const isElsewhere = stored?.definition.name !== definition.name;
    setStored({definition, etag});
    if (!keepsDraft) state.change(definition);
    if (version) setQuery({version: null}, {replace: true});
    if (isSaved) await load(); // the menu and the lists know it
    if (isElsewhere) await navigate(nextPath(definition, proposal), {force: true, replace: Boolean(stored)});
  };
  return html`${!stored && html`
      <p class="hint">A resource is a kind of record, such as books: its fields, and who may do what.</p>
      <${FromFile} onProposal=${propose} />`}
    ${proposal && html`<${Notes} proposal=${proposal} />`}
    ${stored && version && html`<p class="card">This is version ${version} as a draft.
      Review it to see what it would change.</p>`}
    <${Editor} draftState=${{...state, isChanged: state.draft !== initial}} stored=${stored} about=${about}
      onApplied=${applied} />`;
}

// After a proposal for a file, its records can be imported, also where fields have got other names than its columns.
function nextPath({name, fields}, proposal) {
  if (!proposal) return `/admin/resources/${name}`;
  const query = new URLSearchParams(proposal.import);
  const columns = Object.keys(proposal.definition.fields);
  for (const pair of [...renamed(columns, fields), ...named(columns, fields)]) query.append('map', pair.join('='));
  return `/admin/records/${name}/import?${query}`;
}

// The form keeps the order of fields, so those that were renamed are found in turn. The import shows what it takes.
function renamed(columns, fields) {
  const gone = columns.filter(column => !fields[column]);
  const added = Object.keys(fields).filter(name => !columns.includes(name));
  return gone.length === added.length ? gone.map((column, index) => [column, added[index]]) : [];
}

// A file has no ids of the records of another resource, but what they are called.
function named(columns, fields) {
  return columns.filter(column => fields[column]?.type === 'reference')
    .map(column => namesOf({...fields[column], name: column})).filter(names => names.length === 2);
}

function Notes({proposal}) {
  return html`<div class="card" role="status">
    <p>This fits the ${countText(proposal.rows, 'row')} of the file. Check the names, types and access. When the
      resource is created, you can import the file.</p>
    ${proposal.notes.length > 0 && html`<ul>${proposal.notes.map(note => html`<li>${note}</li>`)}</ul>`}</div>`;
}
