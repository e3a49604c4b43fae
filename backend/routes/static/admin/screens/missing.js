// A page that does not exist.
import {html} from '../parts/html.js';
import {Link} from '../parts/router.js';

export default function Missing() {
  return html`<h1>Page not found</h1>
    <p>There is no page at this address. <${Link} to="/admin/">Go to the first page<//>.</p>`;
}
