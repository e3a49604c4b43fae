// The pages that mails link to: they send the token of the link, with what is asked for, to the API.
import {html, useState} from './html.js';
import {call} from './api.js';
import {FormError, TextInput, useSubmit} from './forms.js';
import {APP_NAME, APP_URL, HAS_ADMIN, LOGS_MAILS} from './place.js';
import {Link} from './router.js';

// `fields` is {parameter: {label, …attributes}}. `another` is the path that sends another link, if there is one.
export function MailPage({title, button, path, fields, done, expired, another}) {
  const token = new URLSearchParams(location.hash.slice(1)).get('token');
  const [values, setValues] = useState({});
  const [isDone, setDone] = useState(false);
  const {isSending, problems, error, onSubmit} = useSubmit(async () => {
    await call('POST', path, {body: {token, ...values}});
    history.replaceState(history.state, '', location.pathname); // without the token
    setValues({});
    setDone(true);
  });
  const why = !token ? 'The link is incomplete: open the whole link of the mail.' : problems.token && expired;
  return html`<p class="quiet">${APP_NAME}</p>
    <h1>${title}</h1>
    ${isDone ? html`<p role="status">${done}</p>` : why ? html`<p role="alert">${why}</p>` : html`
      <form onSubmit=${onSubmit} noValidate>
        ${Object.entries(fields).map(([name, {label, ...rest}]) => html`<${TextInput} key=${name} label=${label}
          ...${rest}
          value=${values[name] || ''} problems=${problems[name]}
          onInput=${text => setValues({...values, [name]: text})} />`)}
        <${FormError} error=${error} problems=${problems} shown=${Object.keys(fields)} />
        <button class="main" aria-disabled=${isSending}>${button}</button>
      </form>`}
    ${!isDone && why && another && html`<${MailForm} path=${another} button="Send another link"
      done=${sentTo('another link')} />`}
    ${(isDone || why) && html`<${Onward} />`}`;
}

// What is said to somebody who may have no account: `link` is "a link".
export function sentTo(link) {
  return `If this address has an account, ${link} is ${LOGS_MAILS ? 'in the log of the server' : 'on its way to it'}.`;
}

// Asks for a mail with a link: `path` sends it, and `done` says so.
export function MailForm({path, button, done}) {
  const [email, setEmail] = useState('');
  const [isSent, setSent] = useState(false);
  const {isSending, problems, error, onSubmit} = useSubmit(async () => {
    await call('POST', path, {body: {email}});
    setSent(true);
  });
  if (isSent) return html`<p role="status">${done}</p>`;
  return html`<form onSubmit=${onSubmit} noValidate>
    <${TextInput} label="Your e-mail address" type="email" autocomplete="email" value=${email} onInput=${setEmail}
      problems=${problems.email} />
    <${FormError} error=${error} problems=${problems} shown=${['email']} />
    <button class="main" aria-disabled=${isSending}>${button}</button>
  </form>`;
}

function Onward() {
  if (APP_URL) return html`<p><a href=${APP_URL}>Go to ${APP_NAME}</a></p>`;
  return HAS_ADMIN && html`<p><${Link} to="/admin/sign-in">Sign in<//></p>`;
}
