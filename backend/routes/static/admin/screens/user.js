// One account, of a person or a service, or the form of a new one.
import {html} from '../parts/html.js';
import {call} from '../parts/api.js';
import {ApiKeys} from '../parts/accounts/api_keys.js';
import {endOfRecords, Owned} from '../parts/accounts/owned.js';
import {mayChange} from '../parts/accounts/roles.js';
import {Sessions} from '../parts/accounts/sessions.js';
import {UserForm} from '../parts/accounts/user_form.js';
import {ask} from '../parts/dialogs.js';
import {Action} from '../parts/forms.js';
import {notify} from '../parts/notices.js';
import {useRead} from '../parts/reading.js';
import {Link, navigate} from '../parts/router.js';
import {load, may, person} from '../parts/session.js';
import {Failure, Loaded} from '../parts/states.js';
import {Time} from '../parts/times.js';

export default function User({id, query}) {
  const read = useRead(id ? `/users/${id}` : null);
  if (!id) return html`<${NewUser} kind=${query.get('kind') === 'service' ? 'service' : 'person'} />`;
  if (!read.data) return html`<h1>User</h1><${Loaded} read=${read}>${() => null}<//>`;
  return html`<${KnownUser} key=${read.data.id} user=${read.data} reload=${read.reload} />`;
}

function NewUser({kind}) {
  const title = kind === 'service' ? 'New service' : 'New user';
  if (!may('users:write')) return html`<h1>${title}</h1><${Failure} error=${{status: 404}} />`;
  const created = async user => {
    notify('Created.');
    await navigate(`/admin/users/${user.id}`, {force: true});
  };
  return html`<h1>${title}</h1>
    ${kind === 'service' && html`<p class="quiet">The account of a program. It has no password: it calls the API with
      API keys, which you can create on its page.</p>`}
    <${UserForm} user=${{kind, name: '', email: '', active: true, roles: [], profile: {}}} isNew onSaved=${created} />`;
}

function KnownUser({user, reload}) {
  const {user: me, schema} = person.get();
  const isService = user.kind === 'service';
  const saved = async () => {
    notify('Saved.');
    reload();
    if (user.id === me.id) await load();
  };
  const remove = async () => {
    const text = `The account is deleted for good, with its API keys. ${await endOfRecords(user)}`;
    if (!await ask({title: `Delete ${user.name}?`, action: 'Delete', isDangerous: true, typed: user.email ?? user.name,
      text})) return;
    await call('DELETE', `/users/${user.id}`);
    notify(`${user.name} is deleted.`);
    await navigate('/admin/users', {force: true});
  };
  return html`<div class="heading"><h1>${user.name}</h1><div class="actions">
      ${mayChange(user) && html`<${Action} class="danger" onClick=${remove}>Delete<//>`}</div></div>
    <p class="quiet">${isService ? 'Service' : user.email} – created <${Time} value=${user.created_at} />${
      !isService && html`, address ${user.verified_at
        ? html`confirmed <${Time} value=${user.verified_at} />` : 'not confirmed'}`}</p>
    <${UserForm} user=${user} onSaved=${saved} />
    ${isService && schema.permissions.includes('api_keys:write') && html`
      <${ApiKeys} account=${user} mayCreate=${mayChange(user)} />`}
    ${!isService && mayChange(user) && (user.id === me.id
      ? html`<h2>Sessions</h2><p><${Link} to="/admin/account">Your sessions<//> are on the page of your account.</p>`
      : html`<${UserSessions} user=${user} />`)}
    <${Owned} user=${user} />
    ${may('audit:read') && html`<h2>Audit</h2><ul>
      <li><${Link} to=${`/admin/audit?actor_id=${user.id}`}>What this account did<//></li>
      <li><${Link} to=${`/admin/audit?target_type=user&target_id=${user.id}`}>What was done with it<//></li></ul>`}`;
}

function UserSessions({user}) {
  const path = `/users/${user.id}/sessions`;
  return html`<${Sessions} read=${useRead(path)} path=${path} />`;
}
