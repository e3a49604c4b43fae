// The account of the person who is signed in.
import {html} from '../parts/html.js';
import {ApiKeys} from '../parts/accounts/api_keys.js';
import {PasswordForm} from '../parts/accounts/password_form.js';
import {ProfileForm} from '../parts/accounts/profile_form.js';
import {Sessions} from '../parts/accounts/sessions.js';
import {mayChange} from '../parts/accounts/roles.js';
import {useRead} from '../parts/reading.js';
import {Link} from '../parts/router.js';
import {may, person} from '../parts/session.js';
import {useStore} from '../parts/store.js';

export default function Account() {
  const {user} = useStore(person);
  const sessions = useRead('/auth/sessions');
  if (!user) return html`<h1>My account</h1>`;
  return html`<h1>My account</h1>
    <p>${user.email} <span class="quiet">– ${user.roles.join(', ')}</span></p>
    <p class="hint">${mayChange(user)
      ? html`You can change your e-mail address <${Link} to=${`/admin/users/${user.id}`}>among the users<//>.`
      : 'An admin can change your e-mail address and your roles.'}</p>
    <${ProfileForm} key=${user.id} user=${user} />
    <h2>Password</h2>
    <${PasswordForm} email=${user.email} onDone=${sessions.reload} />
    <${Sessions} read=${sessions} />
    ${may('api_keys:write') && html`<${ApiKeys} account=${user} />`}`;
}
