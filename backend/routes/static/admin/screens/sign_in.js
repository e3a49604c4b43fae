// The page to sign in.
import {html} from '../parts/html.js';
import {useOnward, withNext} from '../parts/onward.js';
import {APP_NAME} from '../parts/place.js';
import {Link} from '../parts/router.js';
import {person} from '../parts/session.js';
import {SignInForm} from '../parts/sign_in_form.js';
import {useStore} from '../parts/store.js';

export default function SignIn({query}) {
  const {registration} = useStore(person).schema;
  useOnward(query);
  return html`<p class="quiet">${APP_NAME}</p>
    <h1>Sign in</h1>
    <${SignInForm} />
    <ul class="links">
      <li><${Link} to="/admin/forgot">Forgot your password?<//></li>
      ${registration?.needs_confirmation && html`
        <li><${Link} to="/account/verification">No mail to confirm your address?<//></li>`}
      ${registration?.open !== false && html`
        <li><${Link} to=${withNext('/admin/register', query.get('next'))}>Register<//></li>`}
    </ul>`;
}
