// The form to sign in: on its own page, and over another page when a session has ended.
import {html, useState} from './html.js';
import {FormError, TextInput, useSubmit} from './forms.js';
import {signIn} from './session.js';

export function SignInForm({email: known = ''}) {
  const [email, setEmail] = useState(known);
  const [password, setPassword] = useState('');
  const {isSending, problems, error, onSubmit} = useSubmit(() => signIn(email, password));
  return html`<form onSubmit=${onSubmit} noValidate>
    <${TextInput} label="E-mail address" type="email" autocomplete="username" value=${email} onInput=${setEmail}
      problems=${problems.email} />
    <${TextInput} label="Password" type="password" autocomplete="current-password" value=${password}
      autofocus=${Boolean(known)} onInput=${setPassword} problems=${problems.password} />
    <${FormError} error=${error} problems=${problems} shown=${['email', 'password']} />
    <button class="main" aria-disabled=${isSending}>Sign in</button>
  </form>`;
}
