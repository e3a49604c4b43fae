// One webhook, or the form of a new one.
import {html, useState} from '../parts/html.js';
import {call} from '../parts/api.js';
import {ask} from '../parts/dialogs.js';
import {Action} from '../parts/forms.js';
import {useLabels} from '../parts/labels.js';
import {notify} from '../parts/notices.js';
import {useRead} from '../parts/reading.js';
import {Link, navigate} from '../parts/router.js';
import {may, person} from '../parts/session.js';
import {NewSecret} from '../parts/secrets.js';
import {Failure, Loaded} from '../parts/states.js';
import {Time} from '../parts/times.js';
import {WebhookForm} from '../parts/webhooks/form.js';
import {Replay} from '../parts/webhooks/replay.js';
import {WebhookState} from '../parts/webhooks/states.js';
import {useTesting} from '../parts/webhooks/testing.js';

export default function WebhookScreen({id}) {
  const read = useRead(id ? `/webhooks/${id}` : null);
  if (!id) return html`<${NewWebhook} />`;
  if (!read.data) return html`<h1>Webhook</h1><${Loaded} read=${read}>${() => null}<//>`;
  return html`<${KnownWebhook} key=${id} read=${read} />`;
}

function NewWebhook() {
  const [created, setCreated] = useState(null);
  if (!may('webhooks:write')) return html`<h1>New webhook</h1><${Failure} error=${{status: 404}} />`;
  const show = () => navigate(`/admin/webhooks/${created.id}`, {replace: true, force: true});
  return html`<h1>New webhook</h1>
    <${WebhookForm} webhook=${null} onSaved=${({record}) => setCreated(record)} />
    ${created && html`<${Secret} webhook=${created} onClose=${show} />`}`;
}

function Secret({webhook, onClose}) {
  return html`<${NewSecret} title=${`The secret of ${webhook.name}`} secret=${webhook.secret} onClose=${onClose}>
    <p>The receiver checks with it that a call is from Larder.${webhook.previous_until && html` Larder signs with the
      former secret, too, until <${Time} value=${webhook.previous_until} />.`}</p><//>`;
}

function KnownWebhook({read}) {
  const [saved, setSaved] = useState(null); // also before the page has read it again
  const [secret, setSecret] = useState(null);
  const {record: webhook, etag} = saved ?? {record: read.data, etag: read.etag};
  const [testButton, outcome] = useTesting(webhook);
  const rotate = async () => {
    if (!await ask({title: 'Make a new secret?', action: 'Make secret',
      text: 'Larder signs with both for 24 hours. Give the new one to the receiver within this time.'})) return;
    const {data, etag: next} = await call('POST', `/webhooks/${webhook.id}/secret`);
    setSaved({record: data, etag: next});
    setSecret(data);
  };
  return html`<div class="heading"><h1>${webhook.name}</h1><div class="actions">
      ${testButton}
      <${Link} class="button" to=${`/admin/webhooks/${webhook.id}/deliveries`}>Deliveries<//>
      <${Action} onClick=${rotate}>New secret<//>
      <${Action} class="danger" onClick=${() => remove(webhook, etag)}>Delete<//></div></div>
    ${outcome}
    <${About} webhook=${webhook} />
    <${WebhookForm} webhook=${webhook} etag=${etag} onSaved=${setSaved} />
    ${webhook.resources.length > 0 && html`<${Replay} webhook=${webhook} />`}
    ${secret && html`<${Secret} webhook=${secret} onClose=${() => setSecret(null)} />`}`;
}

async function remove({id, name}, etag) {
  if (!await ask({title: `Delete the webhook ${name}?`, action: 'Delete', isDangerous: true,
    text: 'Nothing more is sent, also nothing that waits. The list of its deliveries is deleted, too.'})) return;
  await call('DELETE', `/webhooks/${id}`, {headers: {'If-Match': etag}});
  notify(`The webhook ${name} is deleted.`);
  await navigate('/admin/webhooks', {force: true});
}

function About({webhook}) {
  const {created_by: maker, created_at: created, previous_until: until} = webhook;
  const labelOf = useLabels('users', [maker]);
  const isMine = maker === person.get().user.id;
  return html`<${WebhookState} ...${webhook} />
    <p class="quiet">Created <${Time} value=${created} />, ${isMine
      ? 'acts for you' : maker && html`acts for ${labelOf(maker)}`}</p>
    ${until && new Date(until) > new Date() && html`<p class="warning">The former secret is valid until
      ${' '}<${Time} value=${until} />.</p>`}`;
}
