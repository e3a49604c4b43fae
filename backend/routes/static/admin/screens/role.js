// One role, or the form of a new one.
import {html, useState} from '../parts/html.js';
import {call} from '../parts/api.js';
import {RoleForm} from '../parts/accounts/role_form.js';
import {RoleGrants} from '../parts/accounts/role_grants.js';
import {ask} from '../parts/dialogs.js';
import {Action} from '../parts/forms.js';
import {notify} from '../parts/notices.js';
import {useRead} from '../parts/reading.js';
import {Link, navigate} from '../parts/router.js';
import {load, may} from '../parts/session.js';
import {Failure, Loaded} from '../parts/states.js';

const BUILT_IN = ['admin', 'member', 'editor'];

export default function Role({name}) {
  const read = useRead(name ? `/roles/${name}` : null);
  if (!name) return html`<${NewRole} />`;
  if (!read.data) return html`<h1>${name}</h1><${Loaded} read=${read}>${() => null}<//>`;
  return html`<${KnownRole} role=${read.data} reload=${read.reload} />`;
}

function NewRole() {
  const [role] = useState({name: '', description: '', permissions: []});
  if (!may('roles:write')) return html`<h1>New role</h1><${Failure} error=${{status: 404}} />`;
  const saved = async ({name}) => {
    notify('Created.');
    await navigate(`/admin/roles/${name}`, {force: true});
  };
  return html`<h1>New role</h1><${RoleForm} role=${role} isNew onSaved=${saved} />`;
}

function KnownRole({role, reload}) {
  const {name} = role;
  const isOpen = may('roles:write') && !BUILT_IN.includes(name) && role.permissions.every(may);
  const saved = async () => {
    notify('Saved.');
    reload();
    await load(); // it may be a role of this person
  };
  const remove = async () => {
    if (!await ask({title: `Delete the role ${name}?`, text: 'This works only while nobody and nothing uses it.',
      action: 'Delete', isDangerous: true})) return;
    await call('DELETE', `/roles/${name}`);
    notify(`The role ${name} is deleted.`);
    await navigate('/admin/roles', {force: true});
  };
  return html`<div class="heading"><h1>${name}</h1><div class="actions">
      ${isOpen && html`<${Action} class="danger" onClick=${remove}>Delete<//>`}</div></div>
    ${isOpen ? html`<${RoleForm} role=${role} onSaved=${saved} />` : html`<p>${role.description}</p>
      <p class="quiet">${why(role)}</p>`}
    ${may('users:read') && html`<p><${Link} to=${`/admin/users?roles__has=${encodeURIComponent(name)}`}>
      Users with this role<//></p>`}
    ${may('resources:read') && html`<${RoleGrants} name=${name} />`}`;
}

function why({name, permissions}) {
  if (name === 'admin') return 'This role is built in. It may do everything.';
  if (BUILT_IN.includes(name)) return 'This role is built in and cannot be changed.';
  return `Permissions: ${permissions.join(', ') || 'none'}.`;
}
