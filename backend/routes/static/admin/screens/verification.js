// Confirms an address with the token of a mail.
import {html} from '../parts/html.js';
import {MailPage} from '../parts/mail_page.js';

export default function Verification() {
  return html`<${MailPage} title="Confirm your address" button="Confirm" path="/auth/verification" fields=${{}}
    done="Your address is confirmed. You can sign in now." expired="This link has expired. Ask for another one."
    another="/auth/verification/mail" />`;
}
