// Where somebody is signed in.
import {html, useRef} from '../html.js';
import {call} from '../api.js';
import {ask} from '../dialogs.js';
import {Action} from '../forms.js';
import {notify} from '../notices.js';
import {Empty, Loaded} from '../states.js';
import {Time} from '../times.js';

// `read` is that of the sessions, which a new password ends, too; `path` is where they are. Those of others have no
// current one.
export function Sessions({read, path = '/auth/sessions'}) {
  const isOwn = path === '/auth/sessions';
  const heading = useRef(null);
  const end = async (what, question, done) => {
    if (!await ask({...question, isDangerous: true})) return;
    await call('DELETE', what);
    read.reload();
    notify(done);
    heading.current.focus(); // the button is gone
  };
  const endOne = ({id, device}) => end(`${path}/${id}`,
    {title: `End the session of ${device}?`, text: 'This device is signed out at once.', action: 'End session'},
    'The session has ended.');
  const all = isOwn ? 'all other' : 'all';
  const endAll = () => end(path,
    {title: `End ${all} sessions?`, text: `${isOwn ? 'All other' : 'All'} devices are signed out at once.`,
      action: 'End sessions'}, `${isOwn ? 'All other' : 'All'} sessions have ended.`);
  return html`<h2 ref=${heading} tabindex="-1">Sessions</h2>
    <${Loaded} read=${read}>${sessions => (!sessions.length ? html`<${Empty}><p>Not signed in anywhere.</p><//>` : html`
      <div class="scroll" tabindex="0"><table>
      <thead><tr><th scope="col">Device</th><th scope="col">Address</th><th scope="col">Last used</th>
        <th scope="col">Signed in</th><th scope="col"><span class="hidden-text">Actions</span></th></tr></thead>
      <tbody>${sessions.map(session => html`<tr key=${session.id}>
        <th scope="row" title=${session.user_agent}>${session.device}</th>
        <td class="short">${session.address}</td><td class="short"><${Time} value=${session.last_used_at} /></td>
        <td class="short"><${Time} value=${session.created_at} /></td>
        <td class="short">${session.current ? html`<strong>This session</strong>`
          : html`<${Action} aria-label=${`End the session of ${session.device}`}
            onClick=${() => endOne(session)}>End<//>`}</td></tr>`)}</tbody></table></div>
      ${sessions.length > 1 && html`<p class="actions">
        <${Action} onClick=${endAll}>End ${all} sessions<//></p>`}`)}<//>`;
}
