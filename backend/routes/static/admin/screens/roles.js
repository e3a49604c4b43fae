// The roles that accounts can have.
import {html} from '../parts/html.js';
import {useRead} from '../parts/reading.js';
import {Link} from '../parts/router.js';
import {may} from '../parts/session.js';
import {Loaded} from '../parts/states.js';

export default function Roles() {
  const read = useRead('/roles');
  return html`<div class="heading"><h1>Roles</h1>${may('roles:write') && html`<div class="actions">
      <${Link} class="button main" to="/admin/roles/new">New role<//></div>`}</div>
    <${Loaded} read=${read}>${roles => html`<div class="scroll" tabindex="0" role="group" aria-label="Roles"><table>
      <thead><tr><th scope="col">Name</th><th scope="col">Description</th><th scope="col">Permissions</th></tr></thead>
      <tbody>${roles.map(role => html`<tr key=${role.name}>
        <th scope="row"><${Link} to=${`/admin/roles/${role.name}`}>${role.name}<//></th>
        <td>${role.description}</td><td>${permissionsOf(role)}</td></tr>`)}</tbody></table></div>`}<//>`;
}

function permissionsOf({name, permissions}) {
  return name === 'admin' ? 'All' : permissions.join(', ') || html`<span class="quiet">None</span>`;
}
