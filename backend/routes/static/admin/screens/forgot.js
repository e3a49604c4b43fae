// Asks for a mail to set a new password.
import {html} from '../parts/html.js';
import {MailForm, sentTo} from '../parts/mail_page.js';
import {APP_NAME, LOGS_MAILS} from '../parts/place.js';
import {Link} from '../parts/router.js';

export default function Forgot() {
  return html`<p class="quiet">${APP_NAME}</p>
    <h1>Forgot your password?</h1>
    <p>${LOGS_MAILS ? 'The log of the server gets a link to set a new one, because it has no mail server.'
    : 'You get a mail with a link to set a new one.'}</p>
    <${MailForm} path="/auth/password/forgot" button="Send link"
      done=${sentTo('a link')} />
    <p><${Link} to="/admin/sign-in">Sign in<//></p>`;
}
