// Asks for a mail to set a new password.
import {html} from '../parts/html.js';
import {MailForm} from '../parts/mail_page.js';
import {APP_NAME} from '../parts/place.js';
import {Link} from '../parts/router.js';

export default function Forgot() {
  return html`<p class="quiet">${APP_NAME}</p>
    <h1>Forgot your password?</h1>
    <p>You get a mail with a link to set a new one.</p>
    <${MailForm} path="/auth/password/forgot" button="Send link"
      done="If this address has an account, a link is on its way to it." />
    <p><${Link} to="/admin/sign-in">Sign in<//></p>`;
}
