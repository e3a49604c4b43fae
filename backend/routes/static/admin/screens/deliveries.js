// The deliveries of a webhook: which wait, were accepted or failed, and to send one again.
import {html, useEffect} from '../parts/html.js';
import {numberText} from '../parts/amounts.js';
import {call} from '../parts/api.js';
import {ask} from '../parts/dialogs.js';
import {FilterForm, filtersOf} from '../parts/filter_form.js';
import {Action} from '../parts/forms.js';
import {notify} from '../parts/notices.js';
import {Pager} from '../parts/pager.js';
import {useRead} from '../parts/reading.js';
import {Link} from '../parts/router.js';
import {resourceNamed} from '../parts/session.js';
import {Empty, Loaded} from '../parts/states.js';
import {Time} from '../parts/times.js';
import {DELIVERY_STATES, DeliveryState} from '../parts/webhooks/states.js';

const STATES = Object.entries(DELIVERY_STATES).map(([state, [text]]) => [state, text]);
const AGAIN_MS = 5_000;

export default function Deliveries({id, query}) {
  const webhook = useRead(`/webhooks/${id}`);
  const filters = [{name: 'state', label: 'State', options: STATES},
    {name: 'resource', label: 'Resource', options: webhook.data?.resources ?? []}];
  const chosen = filtersOf(query, filters);
  const read = useRead(`/webhooks/${id}/deliveries`, {...chosen, cursor: query.get('cursor'), per_page: 50,
    count: false});
  const isWaiting = read.data?.some(({state}) => state === 'waiting') ?? false;
  useEffect(() => {
    const timer = isWaiting && setInterval(() => document.hidden || read.reload(), AGAIN_MS);
    return () => clearInterval(timer);
  }, [isWaiting, read.reload]);
  const repeat = async delivery => {
    await call('POST', `/webhooks/${id}/deliveries/${delivery.id}/redelivery`);
    notify(`The delivery is sent ${againOf(delivery)}.`);
    read.reload();
    document.getElementById('content').focus(); // the row may be gone
  };
  return html`<div class="heading"><h1>Deliveries${webhook.data && ` to ${webhook.data.name}`}</h1>
      <div class="actions"><button type="button" onClick=${read.reload}>Read again</button>
        <${Action} onClick=${() => repeatAll(id, read.reload)}>Send all again<//>
        <${Link} class="button" to=${`/admin/webhooks/${id}`}>Webhook<//></div></div>
    <${FilterForm} label="Deliveries" query=${query} fields=${filters} />
    <${Loaded} read=${read}>${(deliveries, meta) => (deliveries.length
      ? html`<${Table} deliveries=${deliveries} onRepeat=${repeat} /><${Pager} query=${query} meta=${meta} />`
      : html`<${Empty}><p>${Object.keys(chosen).length ? 'No delivery matches. Change the search, or clear it.'
        : 'There are no deliveries yet. Send a test, or change a record.'}</p><//>`)}<//>`;
}

async function repeatAll(id, onDone) {
  const text = 'Everything that waits for a later attempt or has failed is sent now, such as after the receiver was '
    + 'down. If it is still down, all of it fails again.';
  if (!await ask({title: 'Send all again?', action: 'Send all', text})) return;
  const {data} = await call('POST', `/webhooks/${id}/redelivery`);
  notify(`${numberText(data.waiting)} wait to be sent.`);
  onDone();
}

function nameOf({resource, action}) {
  return resource ? `${resource}.${action}` : 'the test';
}

function againOf({state}) {
  return state === 'waiting' ? 'now' : 'again';
}

function Table({deliveries, onRepeat}) {
  return html`<div class="scroll" tabindex="0" role="group" aria-label="Deliveries"><table>
    <thead><tr><th scope="col">Queued</th><th scope="col">Change</th><th scope="col">State</th>
      <th scope="col" class="number">Attempts</th><th scope="col"><span class="hidden-text">Actions</span></th></tr>
    </thead>
    <tbody>${deliveries.map(delivery => html`<tr key=${delivery.id}>
      <td class="short"><${Time} value=${delivery.created_at} /></td>
      <th scope="row"><${Change} ...${delivery} /></th><td><${DeliveryState} ...${delivery} /></td>
      <td class="number">${numberText(delivery.attempts)}</td>
      <td><${Action} aria-label=${`Send ${nameOf(delivery)} ${againOf(delivery)}`} onClick=${() => onRepeat(delivery)}>
        Send ${againOf(delivery)}<//></td></tr>`)}</tbody></table></div>`;
}

function Change({resource, record_id: id, action, version, fields}) {
  if (!resource) return 'Test';
  return html`<strong>${resource}.${action}</strong>${fields?.length > 0 && html` <span class="quiet">${
    fields.join(', ')}</span>`}
    <p class="hint">Version ${version} of ${resourceNamed(resource) && action !== 'delete'
      ? html`<${Link} to=${`/admin/records/${resource}/${id}`}>${id}<//>` : id}</p>`;
}
