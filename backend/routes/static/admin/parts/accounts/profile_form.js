// The name of the person who is signed in, and what else of their account they may change.
import {html, useRef, useState} from '../html.js';
import {call} from '../api.js';
import {FormError, refuseIncomplete, TextInput, useSubmit} from '../forms.js';
import {notify} from '../notices.js';
import {Value} from '../record/about.js';
import {isSame} from '../record/drafts.js';
import {useLeavingGuard} from '../router.js';
import {load, person} from '../session.js';
import {profileChanges, profileDrafts, ProfileInputs} from './profile_inputs.js';

export function ProfileForm({user}) {
  const fields = person.get().schema.profile;
  const settable = fields.filter(field => field.writable.length);
  const former = profileDrafts(settable, user.profile);
  const [name, setName] = useState(user.name);
  const [drafts, setDrafts] = useState(former);
  const form = useRef(null);
  const isChanged = name !== user.name || !isSame(drafts, former);
  const {isSending, problems, error, onSubmit} = useSubmit(async () => {
    refuseIncomplete(form.current);
    const profile = profileChanges(settable, drafts, user.profile);
    await call('PATCH', '/auth/me', {body: {name, profile}});
    await load();
    notify('Saved.');
  });
  useLeavingGuard(isChanged);
  return html`<form ref=${form} onSubmit=${onSubmit} noValidate>
    <${TextInput} label="Name" autocomplete="name" maxlength="100" value=${name} onInput=${setName}
      problems=${problems.name} />
    <${ProfileInputs} fields=${settable} drafts=${drafts} onInput=${setDrafts} problems=${problems} />
    ${fields.filter(field => !field.writable.length).map(field => html`
      <${Value} key=${field.name} field=${field} record=${user.profile} />`)}
    <${FormError} error=${error} problems=${problems}
      shown=${['name', ...settable.map(field => `profile.${field.name}`)]} />
    <button class="main" aria-disabled=${isSending}>Save</button>
  </form>`;
}
