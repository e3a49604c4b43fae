// Sets the password of the person who is signed in.
import {html, useState} from '../html.js';
import {call} from '../api.js';
import {FormError, TextInput, useSubmit} from '../forms.js';
import {notify} from '../notices.js';

const NOTHING = {current_password: '', new_password: ''};

// `onDone` is called when the password is set.
export function PasswordForm({email, onDone}) {
  const [values, setValues] = useState(NOTHING);
  const {isSending, problems, error, onSubmit} = useSubmit(async () => {
    await call('POST', '/auth/password', {body: values});
    setValues(NOTHING);
    notify('Your new password is set. Your other sessions have ended.');
    onDone();
  });
  const input = (name, label, rest) => html`<${TextInput} label=${label} type="password" maxlength="256" ...${rest}
    value=${values[name]} problems=${problems[name]} onInput=${text => setValues({...values, [name]: text})} />`;
  return html`<form onSubmit=${onSubmit} noValidate>
    <input type="text" hidden autocomplete="username" value=${email} readonly />
    ${input('current_password', 'Current password', {autocomplete: 'current-password'})}
    ${input('new_password', 'New password', {
      autocomplete: 'new-password', hint: '8 to 256 characters that are hard to guess. It ends your other sessions.'})}
    <${FormError} error=${error} problems=${problems} shown=${Object.keys(NOTHING)} />
    <button class="main" aria-disabled=${isSending}>Set password</button>
  </form>`;
}
