// Creates an account.
import {html, useState} from '../parts/html.js';
import {call} from '../parts/api.js';
import {FormError, TextInput, useSubmit} from '../parts/forms.js';
import {useOnward, withNext} from '../parts/onward.js';
import {APP_NAME, LOGS_MAILS} from '../parts/place.js';
import {Link} from '../parts/router.js';
import {person, signIn} from '../parts/session.js';
import {useStore} from '../parts/store.js';

const INPUTS = [
  ['name', 'Your name', {autocomplete: 'name', maxlength: 100}],
  ['email', 'E-mail address', {type: 'email', autocomplete: 'username'}],
  ['password', 'Password', {type: 'password', autocomplete: 'new-password', maxlength: 256,
    hint: '8 to 256 characters that are hard to guess.'}],
];

export default function Register({query}) {
  const {registration} = useStore(person).schema;
  const [values, setValues] = useState({name: '', email: '', password: ''});
  const [isDone, setDone] = useState(false);
  useOnward(query);
  const {isSending, problems, error, onSubmit} = useSubmit(async () => {
    await call('POST', '/auth/register', {body: values});
    // Where the address must be confirmed first, a sign-in would be refused.
    if (registration?.needs_confirmation === false) await signIn(values.email, values.password);
    else {
      setValues({...values, password: ''});
      setDone(true);
    }
  });
  const form = () => html`<form onSubmit=${onSubmit} noValidate>
    ${INPUTS.map(([name, label, rest]) => html`<${TextInput} key=${name} label=${label} value=${values[name]} ...${rest}
      problems=${problems[name]} onInput=${text => setValues({...values, [name]: text})} />`)}
    <${FormError} error=${error} problems=${problems} shown=${Object.keys(values)} />
    <button class="main" aria-disabled=${isSending}>Register</button>
  </form>`;
  return html`<p class="quiet">${APP_NAME}</p>
    <h1>Register</h1>
    ${isDone ? html`<p role="status">Open the link in the mail to ${values.email}${
      LOGS_MAILS && ', which is in the log of the server'}. Then you can sign in.</p>`
    : registration?.open === false ? html`<p>Registration is not open. Ask an admin for an account.</p>` : form()}
    <p><${Link} to=${withNext('/admin/sign-in', query.get('next'))}>Sign in<//></p>`;
}
