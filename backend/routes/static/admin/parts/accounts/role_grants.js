// What the definitions of resources grant to a role.
import {html} from '../html.js';
import {useRead} from '../reading.js';
import {Link} from '../router.js';
import {titleOf} from '../session.js';
import {Empty, Loaded} from '../states.js';

export function RoleGrants({name}) {
  const read = useRead('/resources');
  return html`<h2>Access to records</h2>
    <${Loaded} read=${read}>${definitions => {
      const grants = definitions.map(definition => grantsOf(definition, name)).filter(grant => grant.isAny);
      return grants.length ? html`<${Table} grants=${grants} />`
        : html`<${Empty}><p>No definition names this role yet.</p><//>`;
    }}<//>`;
}

function grantsOf({name: resource, access = {}, fields}, role) {
  const actions = Object.entries(access).flatMap(([action, granted]) => {
    const grant = granted.find(each => (each.role ?? each) === role);
    return grant ? [grant.where ? `${action} (by a rule)` : action] : [];
  });
  const fieldsFor = option => Object.entries(fields).filter(([, field]) => field[option]?.includes(role))
    .map(([field]) => field);
  const [readable, writable] = [fieldsFor('readable_by'), fieldsFor('writable_by')];
  return {resource, actions, readable, writable, isAny: actions.length + readable.length + writable.length > 0};
}

function Table({grants}) {
  return html`<div class="scroll" tabindex="0" role="group" aria-label="Access to records"><table>
    <thead><tr><th scope="col">Resource</th><th scope="col">Actions</th><th scope="col">Reads these fields</th>
      <th scope="col">Sets these fields</th></tr></thead>
    <tbody>${grants.map(({resource, actions, readable, writable}) => html`<tr key=${resource}>
      <th scope="row"><${Link} to=${`/admin/resources/${resource}`}>${titleOf(resource)}<//></th>
      <td>${actions.join(', ')}</td><td>${readable.join(', ')}</td><td>${writable.join(', ')}</td></tr>`)}</tbody>
  </table></div>`;
}
