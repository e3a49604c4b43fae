// One record: a form, or a view if it cannot be changed.
import {html, useState} from '../parts/html.js';
import {call} from '../parts/api.js';
import {copyText} from '../parts/copying.js';
import {ask} from '../parts/dialogs.js';
import {Action} from '../parts/forms.js';
import {labelOf} from '../parts/labels.js';
import {notify} from '../parts/notices.js';
import {useRead} from '../parts/reading.js';
import {expansion, mayDo, settableFields} from '../parts/record/access.js';
import {About} from '../parts/record/about.js';
import {RecordForm} from '../parts/record/form.js';
import {Related} from '../parts/record/related.js';
import {Link, navigate} from '../parts/router.js';
import {person, titleOf} from '../parts/session.js';
import {Empty, Failure, Loaded} from '../parts/states.js';
import {useStore} from '../parts/store.js';

export default function RecordScreen({resource: name, id}) {
  const {user, schema} = useStore(person);
  const resource = schema.resources.find(each => each.name === name);
  if (!resource) return html`<h1>${titleOf(name)}</h1><${Failure} error=${{status: 404}} />`;
  return id ? html`<${Existing} ...${{resource, id, user}} />` : html`<${New} ...${{resource, user}} />`;
}

function ToList({name}) {
  return html`<${Link} to=${`/admin/records/${name}`} class="button">All ${titleOf(name).toLowerCase()}<//>`;
}

function New({resource, user}) {
  const {name} = resource;
  const settable = settableFields(resource, null, user);
  const show = ({record}) => navigate(`/admin/records/${name}/${record.id}`, {replace: true, force: true});
  return html`<div class="heading"><h1>New record of ${titleOf(name).toLowerCase()}</h1>
      <div class="actions"><${ToList} name=${name} /></div></div>
    ${resource.actions.create ? html`<${RecordForm} ...${{resource, settable}} record=${null} onSaved=${show} />`
    : html`<${Empty}><p>You may not create records here.</p><//>`}`;
}

function Existing({resource, id, user}) {
  const read = useRead(`/${resource.name}/${id}`, expansion(resource));
  const [saved, setSaved] = useState(null);
  const now = saved ?? (read.data && {record: read.data, etag: read.etag});
  const title = now ? labelOf(resource, now.record) : titleOf(resource.name);
  return html`<div class="heading"><h1>${title}</h1>
      <div class="actions">${now && html`<${Actions} ...${{resource, user}} ...${now} />`}
        ${resource.actions.create && html`<${Link} class="button"
          to=${`/admin/records/${resource.name}/new`}>New record<//>`}
        <${ToList} name=${resource.name} /></div></div>
    <${Loaded} read=${read}>${record => html`
      <${Content} ...${{resource, user, record}} etag=${read.etag} onSaved=${setSaved} />
      <${About} resource=${resource} record=${now.record} />`}<//>`;
}

function Content({resource, user, record, etag, onSaved}) {
  const [settable] = useState(() => settableFields(resource, record, user));
  return html`<${RecordForm} ...${{resource, record, etag, settable, onSaved}} />
    <${Related} resource=${resource} id=${record.id} />`;
}

function Actions({resource, record, etag, user}) {
  const path = `/admin/records/${resource.name}/${record.id}`;
  const copy = async () => {
    const isCopied = await copyText(location.href);
    notify(isCopied ? 'The link is copied.'
      : 'The browser does not allow copying. Copy the address of this page instead.');
  };
  const remove = async () => {
    const isSure = await ask({
      title: 'Delete this record?', text: `“${labelOf(resource, record)}” will be deleted.`, action: 'Delete',
      isDangerous: true,
    });
    if (!isSure) return;
    await call('DELETE', `/${resource.name}/${record.id}`, {headers: {'If-Match': etag}});
    notify('Deleted.');
    await navigate(`/admin/records/${resource.name}`, {force: true});
  };
  return html`<button onClick=${copy}>Copy link</button>
    ${resource.actions.history && html`<${Link} to=${`${path}/history`} class="button">History<//>`}
    ${mayDo(resource, 'delete', record, user) && html`<${Action} class="danger" onClick=${remove}>Delete<//>`}`;
}
