// The accounts: people and services.
import {html} from '../parts/html.js';
import {totalText} from '../parts/amounts.js';
import {FilterForm, filtersOf} from '../parts/filter_form.js';
import {useRoles} from '../parts/accounts/roles.js';
import {Pager} from '../parts/pager.js';
import {useRead} from '../parts/reading.js';
import {Link} from '../parts/router.js';
import {may} from '../parts/session.js';
import {Empty, Loaded} from '../parts/states.js';
import {Time} from '../parts/times.js';

const KINDS = {person: 'Person', service: 'Service'};
const FILTERS = [
  {name: 'name__icontains', label: 'Name contains'},
  {name: 'email__icontains', label: 'E-mail contains'},
  {name: 'roles__has', label: 'Role', options: []},
  {name: 'kind', label: 'Kind', options: Object.entries(KINDS)},
  {name: 'active', label: 'Can sign in', options: [['true', 'Yes'], ['false', 'No']]},
];

export default function Users({query}) {
  const roles = useRoles().map(({name}) => name);
  const filters = FILTERS.map(filter => (filter.name === 'roles__has' ? {...filter, options: roles} : filter));
  const chosen = filtersOf(query, filters);
  const read = useRead('/users', {...chosen, cursor: query.get('cursor'), per_page: 50});
  return html`<div class="heading"><h1>Users</h1>${may('users:write') && html`<div class="actions">
      <${Link} class="button" to="/admin/users/new?kind=service">New service<//>
      <${Link} class="button" to="/admin/invitations">Invite<//>
      <${Link} class="button main" to="/admin/users/new">New user<//></div>`}</div>
    <${FilterForm} label="Users" query=${query} fields=${filters} />
    <${Loaded} read=${read}>${(users, meta) => (users.length ? html`
      <p class="quiet" role="status">${totalText(meta, 'user')}</p>
      <${Table} users=${users} /><${Pager} query=${query} meta=${meta} />`
      : html`<${Empty}><p>No user matches. Change the search, or clear it.</p><//>`)}<//>`;
}

function Table({users}) {
  return html`<div class="scroll" tabindex="0" role="group" aria-label="Users"><table>
    <thead><tr><th scope="col">Name</th><th scope="col">E-mail</th><th scope="col">Roles</th><th scope="col">Kind</th>
      <th scope="col">Can sign in</th><th scope="col">Created</th></tr></thead>
    <tbody>${users.map(user => html`<tr key=${user.id}>
      <th scope="row"><${Link} to=${`/admin/users/${user.id}`}>${user.name}<//></th>
      <td>${user.email ?? html`<span class="quiet">–</span>`}</td><td>${user.roles.join(', ')}</td>
      <td>${KINDS[user.kind]}</td><td>${user.active ? 'Yes' : html`<span class="wrong">No</span>`}</td>
      <td><${Time} value=${user.created_at} /></td></tr>`)}</tbody></table></div>`;
}
