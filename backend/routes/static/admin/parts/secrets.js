// A secret that is shown once, when it is new.
import {html} from './html.js';
import {CopyField} from './copying.js';
import {Dialog} from './dialogs.js';

// <${NewSecret} title="…" secret="…" onClose=${…}>What it is for.<//>
export function NewSecret({title, secret, onClose, children}) {
  return html`<${Dialog} title=${title} onClose=${onClose}>
    <p>Copy the secret now. It is not shown again.</p>
    ${children}
    <${CopyField} label="Secret" text=${secret} />
    <div class="actions"><button type="button" class="main" onClick=${onClose}>Done</button></div>
  <//>`;
}
