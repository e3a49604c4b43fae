// People who are invited by mail.
import {html, useRef, useState} from '../parts/html.js';
import {call} from '../parts/api.js';
import {RolesInput, mayChange} from '../parts/accounts/roles.js';
import {ask} from '../parts/dialogs.js';
import {Action, FormError, problemsAt, TextInput, useSubmit} from '../parts/forms.js';
import {notify} from '../parts/notices.js';
import {LOGS_MAILS} from '../parts/place.js';
import {useRead} from '../parts/reading.js';
import {may} from '../parts/session.js';
import {Empty, Loaded} from '../parts/states.js';
import {Time} from '../parts/times.js';

export default function Invitations() {
  const read = useRead('/invitations');
  return html`<h1>Invitations</h1>
    ${may('users:write') && html`<${InvitationForm} onSent=${read.reload} />`}
    <${Open} read=${read} />`;
}

function inLog(mail) {
  return `${mail} is in the log of the server, because it has no mail server.`;
}

function send(email, roles) {
  return call('POST', '/invitations', {body: {email, roles}});
}

function InvitationForm({onSent}) {
  const [email, setEmail] = useState('');
  const [roles, setRoles] = useState([]);
  const {isSending, problems, error, onSubmit} = useSubmit(async () => {
    await send(email, roles);
    notify(LOGS_MAILS ? `${email} is invited. ${inLog('The mail')}` : `The invitation to ${email} is on its way.`);
    setEmail('');
    setRoles([]);
    onSent();
  });
  return html`<form onSubmit=${onSubmit} noValidate aria-label="New invitation">
    <${TextInput} label="E-mail address" type="email" autocomplete="off" value=${email} onInput=${setEmail}
      problems=${problems.email} hint=${LOGS_MAILS
        ? `${inLog('The mail with a link to create an account')} Copy the link from there.`
        : 'They get a mail with a link to create an account with these roles.'} />
    <${RolesInput} value=${roles} onInput=${setRoles} problems=${problemsAt(problems, 'roles')} />
    <${FormError} error=${error} problems=${problems} shown=${['email', 'roles']} />
    <button class="main" aria-disabled=${isSending}>Invite</button>
  </form>`;
}

function Open({read}) {
  const heading = useRef(null);
  const changed = text => {
    read.reload();
    notify(text);
    heading.current.focus(); // the row may be gone
  };
  const sendAgain = async ({email, roles}) => {
    await send(email, roles);
    changed(`${LOGS_MAILS ? inLog(`Another mail to ${email}`) : `Another mail to ${email} is on its way.`} `
      + 'The link of the former one is no longer valid.');
  };
  const withdraw = async ({id, email}) => {
    if (!await ask({title: `Withdraw the invitation of ${email}?`, text: 'The link of its mail is no longer valid.',
      action: 'Withdraw', isDangerous: true})) return;
    await call('DELETE', `/invitations/${id}`);
    changed('The invitation is withdrawn.');
  };
  return html`<h2 ref=${heading} tabindex="-1">Open invitations</h2>
    <${Loaded} read=${read}>${invitations => (invitations.length
      ? html`<${Table} ...${{invitations, sendAgain, withdraw}} />`
      : html`<${Empty}><p>Nobody is invited at the moment.</p><//>`)}<//>`;
}

function Table({invitations, sendAgain, withdraw}) {
  return html`<div class="scroll" tabindex="0" role="group" aria-label="Open invitations"><table>
    <thead><tr><th scope="col">E-mail</th><th scope="col">Roles</th><th scope="col">Invited</th>
      <th scope="col">Valid until</th><th scope="col"><span class="hidden-text">Actions</span></th></tr></thead>
    <tbody>${invitations.map(each => html`<tr key=${each.email}><th scope="row">${each.email}</th>
      <td>${each.roles.join(', ')}</td><td><${Time} value=${each.created_at} /></td>
      <td><${Time} value=${each.expires_at} /></td>
      <td>${mayChange(each) && html`<${Action} aria-label=${`Send again to ${each.email}`}
          onClick=${() => sendAgain(each)}>Send again<//>${' '}
        <${Action} aria-label=${`Withdraw ${each.email}`} onClick=${() => withdraw(each)}>Withdraw<//>`}</td></tr>`)}
    </tbody></table></div>`;
}
