// The form of an account: all of it for those who may change it, else what they may change, or only see.
import {html, useRef, useState} from '../html.js';
import {call} from '../api.js';
import {cellOf} from '../../fields/index.js';
import {Checkbox, FormError, problemsAt, refuseIncomplete, TextInput, useSubmit} from '../forms.js';
import {useLeavingGuard} from '../router.js';
import {may, person, titleOf} from '../session.js';
import {mayChange, RolesInput} from './roles.js';
import {profileChanges, profileDrafts, ProfileInputs} from './profile_inputs.js';

// What a form has of an account.
function draftOf(user, fields) {
  const {name, email, active, roles, profile} = user;
  return {name, email, active, roles, profile: profileDrafts(fields, profile), password: ''};
}

// The body that changes an account to a draft: only what differs, or all of a new account.
function bodyOf(draft, user, fields, isNew) {
  const isService = user.kind === 'service';
  const former = draftOf(user, fields);
  const isSent = name => (isNew || JSON.stringify(draft[name]) !== JSON.stringify(former[name]))
    && !(isService && ['email', 'password'].includes(name));
  const body = Object.fromEntries(Object.entries(draft).filter(([name]) => isSent(name)));
  return body.profile ? {...body, profile: profileChanges(fields, draft.profile, user.profile)} : body;
}

export function UserForm({user, isNew = false, onSaved}) {
  const fields = person.get().schema.profile;
  const [draft, setDraft] = useState(draftOf(user, fields));
  const set = change => setDraft({...draft, ...change});
  const form = useRef(null);
  const isWhole = isNew || mayChange(user);
  const {isSending, problems, error, onSubmit} = useSubmit(async () => {
    refuseIncomplete(form.current);
    const body = bodyOf(draft, user, fields, isNew);
    const saved = await (isNew ? call('POST', user.kind === 'service' ? '/users/services' : '/users', {body})
      : call('PATCH', `/users/${user.id}`, {body}));
    setDraft(draftOf(saved.data, fields));
    await onSaved(saved.data);
  });
  useLeavingGuard(JSON.stringify(draft) !== JSON.stringify(draftOf(user, fields)));
  if (!may('users:write')) return html`<${Shown} user=${user} fields=${fields} />`;
  return html`<form ref=${form} onSubmit=${onSubmit} noValidate>
    ${!isWhole && html`<p class="hint">This account has a role that you do not have. You can change its name.</p>`}
    <${TextInput} label="Name" maxlength="100" value=${draft.name} onInput=${name => set({name})} autocomplete="off"
      problems=${problems.name} />
    ${isWhole && user.kind === 'person' && html`<${Credentials} ...${{draft, set, problems, isNew}} />`}
    ${isWhole && html`<${Rights} ...${{user, draft, set, problems, fields}} />`}
    <${FormError} error=${error} problems=${problems}
      shown=${['name', 'email', 'password', 'roles', ...fields.map(field => `profile.${field.name}`)]} />
    <button class="main" aria-disabled=${isSending}>${isNew ? 'Create' : 'Save'}</button>
  </form>`;
}

function Credentials({draft, set, problems, isNew}) {
  return html`<${TextInput} label="E-mail address" type="email" autocomplete="off" value=${draft.email}
      onInput=${email => set({email})} problems=${problems.email} />
    <${TextInput} label=${isNew ? 'Password' : 'New password'} type="password" autocomplete="new-password"
      value=${draft.password} onInput=${password => set({password})} problems=${problems.password} maxlength="256"
      hint=${isNew ? '8 to 256 characters that are hard to guess.'
        : 'Empty: the password stays. A new one ends all sessions of the user and revokes their API keys.'} />`;
}

function Rights({user, draft, set, problems, fields}) {
  const isPerson = user.kind === 'person';
  return html`<${Checkbox} label=${isPerson ? 'Can sign in' : 'Its API keys are accepted'} checked=${draft.active}
      onInput=${active => set({active})} />
    <${RolesInput} value=${draft.roles} isPerson=${isPerson} onInput=${roles => set({roles})}
      problems=${problemsAt(problems, 'roles')} />
    <${ProfileInputs} fields=${fields} drafts=${draft.profile} problems=${problems}
      onInput=${profile => set({profile})} />`;
}

function Shown({user, fields}) {
  const rows = [['Roles', user.roles.join(', ')], ['Can sign in', user.active ? 'Yes' : 'No'],
    ...fields.map(field => [titleOf(field.name), cellOf(field)(user.profile[field.name], field)])];
  return html`<dl>${rows.map(([title, value]) => html`<div key=${title}>
    <dt>${title}</dt><dd>${value}</dd></div>`)}</dl>`;
}
