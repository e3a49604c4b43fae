// The menu: the records and parts of the system that this person may use.
import {html, useState} from './html.js';
import {withNext} from './onward.js';
import {APP_NAME} from './place.js';
import {Link, mayLeave, navigate} from './router.js';
import {person, signOut, titleOf} from './session.js';
import {notifyError} from './notices.js';
import {useStore} from './store.js';
import {SYSTEM} from '../pages.js';

export function Menu({user, path}) {
  const {schema} = useStore(person);
  const [isOpen, setOpen] = useState(false);
  const entry = (to, text) => html`<li key=${to}><${Link} to=${to}
    aria-current=${path === to || path.startsWith(`${to}/`) ? 'page' : undefined}>${text}<//></li>`;
  const system = SYSTEM.filter(each => each.permissions.some(one => schema.permissions.includes(one)));
  return html`<header class="menu" onClick=${event => event.target.closest('a') && setOpen(false)}>
    <div class="bar">
      <${Link} to="/admin/" class="name">${APP_NAME}<//>
      <button class="toggle" aria-expanded=${isOpen} aria-controls="menu"
        onClick=${() => setOpen(!isOpen)}>Menu</button>
    </div>
    <div id="menu" class=${isOpen ? 'open' : ''}>
      ${schema.resources.length > 0 && html`<nav aria-label="Records"><h2>Records</h2><ul>
        ${schema.resources.map(({name}) => entry(`/admin/records/${name}`, titleOf(name)))}</ul></nav>`}
      ${system.length > 0 && html`<nav aria-label="System"><h2>System</h2><ul>
        ${system.map(({path: to, title}) => entry(to, title))}</ul></nav>`}
      <nav aria-label="Account"><h2>${user ? user.name : 'Account'}</h2><ul>
        ${user ? html`${entry('/admin/account', 'My account')}
          <li><button class="link" onClick=${leave}>Sign out</button></li>`
        : entry(withNext('/admin/sign-in', `${path}${location.search}`), 'Sign in')}
      </ul></nav>
    </div>
  </header>`;
}

// Sign out, unless the person stays for what is not saved.
async function leave() {
  try {
    if (!await mayLeave()) return;
    await signOut();
    await navigate('/admin/sign-in', {force: true});
  } catch (error) {
    notifyError(error);
  }
}
