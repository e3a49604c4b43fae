// The audit trail: who did what.
import {html} from '../parts/html.js';
import {FilterForm, filtersOf} from '../parts/filter_form.js';
import {toJson} from '../parts/json.js';
import {Pager} from '../parts/pager.js';
import {useRead} from '../parts/reading.js';
import {Link} from '../parts/router.js';
import {may} from '../parts/session.js';
import {Empty, Loaded} from '../parts/states.js';
import {Time} from '../parts/times.js';

const TYPES = ['api_key', 'backup', 'call', 'invitation', 'job', 'mail', 'resource', 'role', 'session', 'user',
  'webhook'];
const FILTERS = [
  {name: 'action__startswith', label: 'Action begins with', placeholder: 'user.create'},
  {name: 'actor_email', label: 'Actor: e-mail', type: 'email'},
  {name: 'actor_name__icontains', label: 'Actor: name contains'},
  {name: 'actor_id', label: 'Actor: id'},
  {name: 'target_type', label: 'Target: kind', options: TYPES},
  {name: 'target_id', label: 'Target: name or id'},
  {name: 'created_at__gte', label: 'From', type: 'datetime-local'},
  {name: 'created_at__lt', label: 'Before', type: 'datetime-local'},
];
const PAGES = {user: ['/admin/users', 'users:read'], role: ['/admin/roles', 'users:read'],
  resource: ['/admin/resources', 'resources:read'], webhook: ['/admin/webhooks', 'webhooks:write']};

export default function Audit({query}) {
  const chosen = filtersOf(query, FILTERS);
  const read = useRead('/audit', {...chosen, cursor: query.get('cursor'), per_page: 50, count: false});
  return html`<h1>Audit</h1>
    <${FilterForm} label="Audit" query=${query} fields=${FILTERS} />
    <${Loaded} read=${read}>${(entries, meta) => (entries.length
      ? html`<${Table} entries=${entries} /><${Pager} query=${query} meta=${meta} />`
      : html`<${Empty}><p>No entry matches. Change the search, or clear it.</p><//>`)}<//>`;
}

function Table({entries}) {
  return html`<div class="scroll" tabindex="0" role="group" aria-label="Entries"><table>
    <thead><tr><th scope="col">Time</th><th scope="col">Actor</th><th scope="col">Action</th><th scope="col">Target</th>
      <th scope="col">Address</th><th scope="col">Details</th></tr></thead>
    <tbody>${entries.map(entry => html`<tr key=${entry.id}>
      <td class="short"><${Time} value=${entry.created_at} />${entry.times > 1 && html`<br />
        <span class="quiet">${entry.times} times, last <${Time} value=${entry.last_at} /></span>`}</td>
      <td>${entry.actor_name ?? html`<span class="quiet">Nobody signed in</span>`}
        ${entry.actor_email && html`<br /><span class="quiet">${entry.actor_email}</span>`}</td>
      <td>${entry.action}</td><td><${Target} ...${entry} /></td>
      <td>${entry.address}</td>
      <td><details><summary aria-label=${`Details of ${entry.action}`}>Show</summary>
        <pre tabindex="0">${toJson(rest(entry), 2)}</pre></details></td></tr>`)}</tbody></table></div>`;
}

// What the other columns do not show.
function rest({id, request_id, actor_id, api_key_id, target_id, details}) {
  return {...details, id, request_id, actor_id, api_key_id, target_id};
}

function Target({target_type: type, target_id: id, details}) {
  if (!type) return html`<span class="quiet">–</span>`;
  const [path, permission] = PAGES[type] ?? [];
  const short = id?.length > 20 ? details?.email ?? details?.name ?? `…${id.slice(-8)}` : id;
  const text = short ? `${type} ${short}` : type;
  return path && id && may(permission) ? html`<${Link} to=${`${path}/${id}`}>${text}<//>` : text;
}
