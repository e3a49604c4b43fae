// The form of a new API key.
import {html, useRef, useState} from '../html.js';
import {call} from '../api.js';
import {CheckList} from '../check_list.js';
import {FormError, problemsAt, refuseIncomplete, TextInput, useSubmit} from '../forms.js';
import * as datetime from '../../fields/datetime.js';
import {person} from '../session.js';
import {useRoles} from './roles.js';
import {PERMISSIONS} from './permissions.js';

export function ApiKeyForm({account, onCreated, onCancel}) {
  const [values, setValues] = useState({name: '', roles: [], permissions: [], expires: ''});
  const set = change => setValues({...values, ...change});
  const hasAll = account.roles.includes('admin');
  const roles = useRoles().filter(({name}) => hasAll || account.roles.includes(name));
  const permissions = person.get().schema.permissions.filter(name => hasAll || roles.some(
    role => role.permissions?.includes(name) ?? true)).map(name => ({name, description: PERMISSIONS[name]}));
  const form = useRef(null);
  const {isSending, problems, error, onSubmit} = useSubmit(async () => {
    refuseIncomplete(form.current); // half a time must not become a key that never expires
    const {expires, ...rest} = values;
    const body = {...rest, user_id: account.id, expires_at: datetime.parse(expires)};
    onCreated((await call('POST', '/api-keys', {body})).data);
  });
  return html`<form ref=${form} onSubmit=${onSubmit} noValidate>
    <${TextInput} label="Name" hint="Which program uses the key" maxlength="100" value=${values.name}
      onInput=${name => set({name})} problems=${problems.name} />
    <${CheckList} legend="Roles" options=${roles} value=${values.roles} onInput=${names => set({roles: names})}
      hint=${account.kind === 'service' ? 'Without any choice, the key has all roles of the account.'
        : 'The key may do what these roles may do.'}
      problems=${problemsAt(problems, 'roles')} />
    ${permissions.length > 0 && html`<${CheckList} legend="Permissions" options=${permissions}
      value=${values.permissions} hint="What the key may do beside its roles"
      onInput=${names => set({permissions: names})} problems=${problemsAt(problems, 'permissions')} />`}
    <${TextInput} label="Expires" type="datetime-local" name="expires_at" hint="Empty: never" value=${values.expires}
      onInput=${expires => set({expires})} problems=${problems.expires_at} />
    <${FormError} error=${error} problems=${problems} shown=${['name', 'roles', 'permissions', 'expires_at']} />
    <div class="actions"><button type="button" onClick=${onCancel}>Cancel</button>
      <button class="main" aria-disabled=${isSending}>Create key</button></div>
  </form>`;
}
