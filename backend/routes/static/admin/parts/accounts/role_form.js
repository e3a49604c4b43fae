// The form of a role.
import {html, useState} from '../html.js';
import {call} from '../api.js';
import {CheckList} from '../check_list.js';
import {FormError, problemsAt, TextInput, useSubmit} from '../forms.js';
import {useLeavingGuard} from '../router.js';
import {may} from '../session.js';
import {PERMISSIONS} from './permissions.js';

export function RoleForm({role, isNew = false, onSaved}) {
  const [values, setValues] = useState(role);
  const [stored, setStored] = useState(role); // also before the page has read it again
  const set = change => setValues({...values, ...change});
  const {isSending, problems, error, onSubmit} = useSubmit(async () => {
    const {name, description, permissions} = values;
    const saved = await (isNew ? call('POST', '/roles', {body: {name, description, permissions}})
      : call('PUT', `/roles/${name}`, {body: {description, permissions}}));
    setStored(saved.data);
    await onSaved(saved.data);
  });
  useLeavingGuard(['name', 'description', 'permissions'].some(each => String(values[each]) !== String(stored[each])));
  const options = Object.entries(PERMISSIONS).map(([name, description]) => ({
    name, description: may(name) ? description : `${description} (you do not have this permission)`,
    isFixed: !may(name)}));
  return html`<form onSubmit=${onSubmit} noValidate>
    ${isNew && html`<${TextInput} label="Name" maxlength="63" value=${values.name} onInput=${name => set({name})}
      problems=${problems.name} autocomplete="off"
      hint="Lower-case letters, digits and _. Resources name it in their access." />`}
    <${TextInput} label="Description" maxlength="1000" value=${values.description} autocomplete="off"
      onInput=${description => set({description})} problems=${problems.description} />
    <${CheckList} legend="Permissions" options=${options} value=${values.permissions}
      onInput=${permissions => set({permissions})} problems=${problemsAt(problems, 'permissions')}
      hint="What people with this role may do with the system. Resources say what they may do with records." />
    <${FormError} error=${error} problems=${problems} shown=${['name', 'description', 'permissions']} />
    <button class="main" aria-disabled=${isSending}>${isNew ? 'Create' : 'Save'}</button>
  </form>`;
}
