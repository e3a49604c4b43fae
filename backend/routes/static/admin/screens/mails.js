// The mails of the last thirty days: which wait, were sent or failed.
import {html} from '../parts/html.js';
import {numberText} from '../parts/amounts.js';
import {call} from '../parts/api.js';
import {FilterForm, filtersOf} from '../parts/filter_form.js';
import {Action} from '../parts/forms.js';
import {notify} from '../parts/notices.js';
import {Pager} from '../parts/pager.js';
import {useRead} from '../parts/reading.js';
import {may, titleOf} from '../parts/session.js';
import {Empty, Loaded} from '../parts/states.js';
import {Time} from '../parts/times.js';

const STATES = {waiting: ['Waiting', 'warning'], sent: ['Sent', 'right'], logged: ['Logged', 'warning'],
  failed: ['Failed', 'wrong'], unneeded: ['Not needed', 'quiet']};
const FILTERS = [
  {name: 'email__icontains', label: 'To contains'},
  {name: 'state', label: 'State', options: Object.entries(STATES).map(([state, [text]]) => [state, text])},
];

export default function Mails({query}) {
  const chosen = filtersOf(query, FILTERS);
  const read = useRead('/mails', {...chosen, cursor: query.get('cursor'), per_page: 50, count: false});
  const retry = async ({id, email}) => {
    await call('POST', `/mails/${id}/attempts`);
    notify(`The mail to ${email} is sent now.`);
    read.reload();
    document.getElementById('content').focus(); // the button may be gone
  };
  return html`<div class="heading"><h1>Mails</h1>
      <div class="actions"><button type="button" onClick=${read.reload}>Read again</button></div></div>
    <p class="quiet">Mails of the last 30 days, without their texts and links.</p>
    <${FilterForm} label="Mails" query=${query} fields=${FILTERS} />
    <${Loaded} read=${read}>${(mails, meta) => (mails.length
      ? html`<${Table} mails=${mails} onRetry=${may('users:write') && retry} /><${Pager} query=${query} meta=${meta} />`
      : html`<${Empty}><p>${Object.keys(chosen).length ? 'No mail matches. Change the search, or clear it.'
        : html`There are no mails. Larder sends some if <code>LARDER_SMTP_URL</code> is set.`}</p><//>`)}<//>`;
}

function Table({mails, onRetry}) {
  return html`<div class="scroll" tabindex="0" role="group" aria-label="Mails"><table>
    <thead><tr><th scope="col">Queued</th><th scope="col">To</th><th scope="col">Kind</th><th scope="col">State</th>
      <th scope="col" class="number">Attempts</th><th scope="col"><span class="hidden-text">Actions</span></th></tr>
    </thead>
    <tbody>${mails.map(mail => html`<tr key=${mail.id}>
      <td class="short"><${Time} value=${mail.created_at} /></td><th scope="row">${mail.email}</th>
      <td class="short">${titleOf(mail.kind)}</td><td><${State} ...${mail} /></td>
      <td class="number">${numberText(mail.attempts)}</td>
      <td>${onRetry && ['waiting', 'failed'].includes(mail.state) && html`<${Action}
        aria-label=${`Send the mail to ${mail.email} now`} onClick=${() => onRetry(mail)}>Send now<//>`}</td>
    </tr>`)}</tbody></table></div>`;
}

function State({state, error, ended_at: ended, next_attempt_at: next}) {
  const [text, style] = STATES[state];
  return html`<strong class=${style}>${text}</strong>
    ${ended && html` <${Time} value=${ended} />`}${next && html`, next attempt <${Time} value=${next} />`}
    ${error && html`<p class="hint">${error}</p>`}`;
}
