// The page to sign in.
import {html, useEffect} from '../parts/html.js';
import {APP_NAME} from '../parts/place.js';
import {Link, navigate} from '../parts/router.js';
import {person} from '../parts/session.js';
import {SignInForm} from '../parts/sign_in_form.js';
import {useStore} from '../parts/store.js';

export default function SignIn() {
  const {user} = useStore(person);
  useEffect(() => { if (user) navigate('/admin/', {replace: true}); }, [user]);
  return html`<p class="quiet">${APP_NAME}</p>
    <h1>Sign in</h1>
    <${SignInForm} />
    <p><${Link} to="/admin/forgot">Forgot your password?<//> · <${Link} to="/admin/register">Register<//></p>`;
}
