// How much of a file is sent: <${Progress} text="Sending…" sent=${0.5} onStop=${() => …} />
import {html} from './html.js';

// `sent` is from 0 to 1; when all is sent, nobody knows how long the rest takes. Without `onStop` it cannot be stopped.
export function Progress({text, sent, onStop}) {
  return html`<div class="actions">
    <label class="wide">${text} <progress value=${sent < 1 ? sent : undefined} max="1"></progress></label>
    ${onStop && html`<button type="button" onClick=${onStop}>Stop</button>`}
    <span class="hidden-text" role="status">${text}</span>
  </div>`;
}
