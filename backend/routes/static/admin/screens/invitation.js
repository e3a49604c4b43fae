// Creates an account with the token of an invitation.
import {html} from '../parts/html.js';
import {MailPage} from '../parts/mail_page.js';

export default function Invitation() {
  return html`<${MailPage} title="Create your account" button="Create account" path="/invitations/acceptance"
    fields=${{
      name: {label: 'Your name', autocomplete: 'name', maxlength: 100},
      password: {label: 'Password', type: 'password', autocomplete: 'new-password', maxlength: 256,
        hint: '8 to 256 characters that are hard to guess.'},
    }}
    done="Your account is created. You can sign in now."
    expired=${'This invitation has been used or has expired. If you have created your account with it, sign in. '
      + 'If not, ask the person who invited you for another one.'} />`;
}
