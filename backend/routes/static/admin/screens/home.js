// The first page: what this person may see.
import {html} from '../parts/html.js';
import {FirstSteps} from '../parts/first_steps.js';
import {Link} from '../parts/router.js';
import {person, titleOf} from '../parts/session.js';
import {Empty} from '../parts/states.js';
import {useStore} from '../parts/store.js';

export default function Home() {
  const {user, schema} = useStore(person);
  return html`<h1>Records</h1>
    ${user && html`<${FirstSteps} key=${user.id} />`}
    ${schema.resources.length ? html`<ul class="cards">${schema.resources.map(({name, description}) => html`
      <li key=${name}><${Link} to=${`/admin/records/${name}`}>${titleOf(name)}<//>
        ${description && html`<p class="quiet">${description}</p>`}</li>`)}</ul>`
    : html`<${Empty}><p>${user ? 'There are no records that you may list yet.'
      : html`There are no public records. <${Link} to="/admin/sign-in">Sign in<//> to see yours.`}</p><//>`}`;
}
