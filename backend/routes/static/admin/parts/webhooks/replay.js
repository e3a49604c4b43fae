// Where in the feed of changes a webhook continues: after a cursor, or from now on.
import {html, useState} from '../html.js';
import {call} from '../api.js';
import {ask} from '../dialogs.js';
import {Action, FormError, TextInput, useSubmit} from '../forms.js';
import {notify} from '../notices.js';

export function Replay({webhook}) {
  const [after, setAfter] = useState('');
  const replay = cursor => call('POST', `/webhooks/${webhook.id}/replay`, {body: {after: cursor}});
  const {isSending, problems, error, onSubmit} = useSubmit(async () => {
    await replay(after.trim());
    setAfter('');
    notify('The changes after this cursor are sent again.');
  });
  const skip = async () => {
    if (!await ask({title: 'Continue from now?', action: 'Continue', isDangerous: true,
      text: 'Changes that are not in the list of deliveries yet are never sent.'})) return;
    const {meta} = await call('GET', '/changes', {query: {resource: webhook.resources.join(',')}});
    await replay(meta.next_cursor);
    notify('The webhook sends what is changed from now on.');
  };
  return html`<details><summary>Replay changes</summary>
    <form onSubmit=${onSubmit} noValidate>
      <${TextInput} label="Cursor" value=${after} onInput=${setAfter} problems=${problems.after} autocomplete="off"
        spellcheck=${false} hint=${'All changes after it are sent again: the cursor of a change, or the changes_cursor '
          + 'that a list had.'} />
      <${FormError} error=${error} problems=${problems} shown=${['after']} />
      <div class="actions"><button class="main" aria-disabled=${isSending}>Replay</button>
        <${Action} onClick=${skip}>Continue from now<//></div>
    </form></details>`;
}
