// Sets a new password with the token of a mail.
import {html} from '../parts/html.js';
import {MailPage} from '../parts/mail_page.js';

export default function Reset() {
  return html`<${MailPage} title="Set a new password" button="Set password" path="/auth/password/reset"
    fields=${{new_password: {label: 'Password', type: 'password', autocomplete: 'new-password', maxlength: 256,
      hint: '8 to 256 characters that are hard to guess.'}}}
    done="Your new password is set. You can sign in with it now."
    expired=${'This link has been used or has expired. If you have set a new password with it, sign in with that. '
      + 'If not, ask for another link.'}
    another="/auth/password/forgot" />`;
}
