// The webhooks: where changes are sent, and whether that works.
import {html} from '../parts/html.js';
import {numberText} from '../parts/amounts.js';
import {useRead} from '../parts/reading.js';
import {Link} from '../parts/router.js';
import {may} from '../parts/session.js';
import {Empty, Loaded} from '../parts/states.js';
import {Time} from '../parts/times.js';
import {DELIVERY_STATES, WebhookState} from '../parts/webhooks/states.js';

export default function Webhooks() {
  const read = useRead('/webhooks');
  const create = may('webhooks:write')
    && html`<${Link} class="button main" to="/admin/webhooks/new">New webhook<//>`;
  return html`<div class="heading"><h1>Webhooks</h1>
      <div class="actions"><button type="button" onClick=${read.reload}>Read again</button>${create}</div></div>
    <${Loaded} read=${read}>${webhooks => (webhooks.length
      ? html`<${Table} webhooks=${webhooks} />` : html`<${Empty}>
      <p>There are no webhooks yet. A webhook sends each change of a resource to a URL.</p>${create}<//>`)}<//>`;
}

function Table({webhooks}) {
  return html`<div class="scroll" tabindex="0" role="group" aria-label="Webhooks"><table>
    <thead><tr><th scope="col">Name</th><th scope="col">Resources</th><th scope="col">State</th>
      <th scope="col">Last delivery</th><th scope="col" class="number">Waiting</th></tr></thead>
    <tbody>${webhooks.map(webhook => html`<tr key=${webhook.id}>
      <th scope="row"><${Link} to=${`/admin/webhooks/${webhook.id}`}>${webhook.name}<//>
        <p class="hint">${webhook.url}</p></th>
      <td>${webhook.resources.join(', ') || html`<span class="quiet">None</span>`}</td>
      <td><${WebhookState} ...${webhook} /></td><td class="short"><${Last} delivery=${webhook.last_delivery} /></td>
      <td class="number"><${Link} to=${`/admin/webhooks/${webhook.id}/deliveries?state=waiting`}
        aria-label=${`${numberText(webhook.waiting)} waiting for ${webhook.name}`}>
        ${numberText(webhook.waiting)}<//></td></tr>`)}</tbody></table></div>`;
}

function Last({delivery}) {
  if (!delivery) return html`<span class="quiet">–</span>`;
  const [text, style] = DELIVERY_STATES[delivery.state];
  return html`<strong class=${style}>${text}</strong> <${Time} value=${delivery.ended_at} />`;
}
