// The API keys of an account: a program calls the API with one.
import {html, useRef, useState} from '../html.js';
import {call} from '../api.js';
import {ask, Dialog} from '../dialogs.js';
import {Action} from '../forms.js';
import {notify} from '../notices.js';
import {useRead} from '../reading.js';
import {NewSecret} from '../secrets.js';
import {Empty, Loaded} from '../states.js';
import {Time} from '../times.js';
import {ApiKeyForm} from './api_key_form.js';

// `account` is a person or service account; `mayCreate` says whether this person may create and revoke its keys.
export function ApiKeys({account, mayCreate = true}) {
  const read = useRead('/api-keys');
  const heading = useRef(null);
  const [shown, setShown] = useState(null); // 'form', or a new key with its secret
  const revoke = async ({id, name}) => {
    if (!await ask({title: `Revoke the key ${name}?`, text: 'Programs that use it are refused at once, for good.',
      action: 'Revoke', isDangerous: true})) return;
    await call('DELETE', `/api-keys/${id}`);
    read.reload();
    notify('The key is revoked.');
    heading.current.focus(); // the button is gone
  };
  const create = key => {
    setShown(key);
    read.reload();
  };
  return html`<h2 ref=${heading} tabindex="-1">API keys</h2>
    <${Loaded} read=${read}>${keys => html`<${Keys} onRevoke=${mayCreate && revoke}
      keys=${keys.filter(key => key.user_id === account.id)} />`}<//>
    ${mayCreate && html`<p class="actions"><button type="button" onClick=${() => setShown('form')}>
      Create API key</button></p>`}
    ${shown === 'form' && html`<${Dialog} title="Create an API key" onClose=${() => setShown(null)}>
      <${ApiKeyForm} account=${account} onCreated=${create} onCancel=${() => setShown(null)} /><//>`}
    ${shown?.secret && html`<${NewSecret} title=${`The key ${shown.name}`} secret=${shown.secret}
      onClose=${() => setShown(null)} />`}`;
}

function Keys({keys, onRevoke}) {
  if (!keys.length) return html`<${Empty}><p>There are no keys. A program needs one to call the API.</p><//>`;
  return html`<div class="scroll" tabindex="0"><table>
    <thead><tr><th scope="col">Name</th><th scope="col">Begins with</th><th scope="col">May</th>
      <th scope="col">Created</th><th scope="col">Last used</th><th scope="col">Expires</th>
      <th scope="col"><span class="hidden-text">Actions</span></th></tr></thead>
    <tbody>${keys.map(key => html`<tr key=${key.id}><th scope="row">${key.name}</th>
      <td><code>${key.hint}…</code></td><td>${[...key.roles, ...key.permissions].join(', ')}</td>
      <td><${Time} value=${key.created_at} /></td><td><${Time} value=${key.last_used_at} /></td>
      <td>${key.expires_at ? html`<${Time} value=${key.expires_at} />` : 'Never'}</td>
      <td>${key.revoked_at ? html`<span class="quiet">Revoked</span>` : onRevoke && html`<${Action}
        aria-label=${`Revoke ${key.name}`} onClick=${() => onRevoke(key)}>Revoke<//>`}</td></tr>`)}</tbody>
  </table></div>`;
}
