// Which roles the person who is signed in may give to accounts, and take from them.
import {html} from '../html.js';
import {CheckList} from '../check_list.js';
import {useRead} from '../reading.js';
import {may, person} from '../session.js';

const MEMBER = 'member'; // every person has it

function isAdmin() {
  return person.get().user.roles.includes('admin');
}

function mayGive(role) {
  return isAdmin() || role === MEMBER || person.get().user.roles.includes(role);
}

// Whether this person may change more than the name of an account.
export function mayChange(account) {
  return may('users:write') && account.roles.every(mayGive);
}

// All roles, or without the permission to list them, those of this person.
export function useRoles() {
  const read = useRead(may('users:read') || may('roles:write') ? '/roles' : null);
  return read.data ?? person.get().user.roles.map(name => ({name, description: ''}));
}

// `isPerson` is false for a service account, which has exactly the chosen roles.
export function RolesInput({value, onInput, problems, isPerson = true, isFixed = false}) {
  const options = useRoles().map(({name, description}) => ({
    name, description: mayGive(name) ? description : 'You do not have this role yourself.',
    isFixed: isFixed || !mayGive(name) || (isPerson && name === MEMBER),
  }));
  const chosen = isPerson ? [...new Set([...value, MEMBER])].sort() : value;
  return html`<${CheckList} legend="Roles" options=${options} value=${chosen} onInput=${onInput}
    problems=${problems} />`;
}
