// The form of an account: all of it for those who may change it, else what they may change, or only see.
import {html, useRef, useState} from '../html.js';
import {call} from '../api.js';
import {Checkbox, FormError, problemsAt, refuseIncomplete, TextInput, useSubmit} from '../forms.js';
import {Value} from '../record/about.js';
import {isSame} from '../record/drafts.js';
import {useLeavingGuard} from '../router.js';
import {may, person} from '../session.js';
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

// The draft of an account that was saved, with what has been typed since it was `sent`.
function withTyped(now, sent, saved) {
  return Object.fromEntries(Object.entries(saved).map(([name, value]) => [name, name === 'profile'
    ? withTyped(now.profile, sent.profile, value) : isSame(now[name], sent[name]) ? value : now[name]]));
}

export function UserForm({user, isNew = false, onSaved}) {
  const fields = person.get().schema.profile;
  const [stored, setStored] = useState(user); // also before the page has read it again
  const [draft, setDraft] = useState(draftOf(user, fields));
  const set = change => setDraft(former => ({...former, ...change}));
  const form = useRef(null);
  const isWhole = isNew || mayChange(user);
  const {isSending, problems, error, onSubmit} = useSubmit(async () => {
    refuseIncomplete(form.current);
    const body = bodyOf(draft, stored, fields, isNew);
    const saved = await (isNew ? call('POST', user.kind === 'service' ? '/users/services' : '/users', {body})
      : call('PATCH', `/users/${user.id}`, {body}));
    setStored(saved.data);
    setDraft(now => withTyped(now, draft, draftOf(saved.data, fields)));
    await onSaved(saved.data);
  });
  useLeavingGuard(JSON.stringify(draft) !== JSON.stringify(draftOf(stored, fields)));
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
  return html`<dl class="field"><dt>Roles</dt><dd>${user.roles.join(', ')}</dd></dl>
    <dl class="field"><dt>Can sign in</dt><dd>${user.active ? 'Yes' : 'No'}</dd></dl>
    ${fields.map(field => html`<${Value} key=${field.name} field=${field} record=${user.profile} />`)}`;
}
