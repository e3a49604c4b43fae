// Somebody else has changed the definition since it was read: theirs and yours.
import {html} from '../html.js';
import {Dialog} from '../dialogs.js';
import {Difference} from './difference.js';
import {toYaml} from './yaml.js';

export function Conflict({stored, theirs, yours, onKeep, onTake}) {
  return html`<${Dialog} title="Changed meanwhile" wide=${true} onClose=${onKeep}>
    <p>Somebody has changed this definition since you opened it. Nothing of yours is applied yet.</p>
    <h3>Their change</h3>
    <${Difference} label="Their change" before=${toYaml(stored)} after=${toYaml(theirs)} />
    <h3>Yours beside theirs</h3>
    <p class="hint">Lines with - are theirs alone; applying yours removes them.</p>
    <${Difference} label="Yours beside theirs" before=${toYaml(theirs)} after=${toYaml(yours)} />
    <div class="actions">
      <button type="button" class="danger" onClick=${onTake}>Discard mine and take theirs</button>
      <button type="button" class="main" onClick=${onKeep}>Keep mine and edit on</button>
    </div>
  <//>`;
}
