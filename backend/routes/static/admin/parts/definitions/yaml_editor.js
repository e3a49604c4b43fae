// The definition as YAML.
import {html, useId} from '../html.js';
import {copyText} from '../copying.js';
import {Action} from '../forms.js';
import {notify} from '../notices.js';

export function YamlEditor({text, problem, onInput, onRestore}) {
  const id = useId();
  const copy = async () => {
    notify(await copyText(text) ? 'The YAML is copied.' : 'The browser does not allow copying. Select the text.');
  };
  return html`<section class="yaml" aria-labelledby=${`${id}-title`}>
    <div class="heading"><h2 id=${`${id}-title`}><label for=${id}>YAML</label></h2>
      <${Action} onClick=${copy}>Copy<//></div>
    <textarea class="code" id=${id} value=${text} spellcheck=${false} autocapitalize="off" wrap="off"
      rows=${Math.min(40, Math.max(16, text.split('\n').length + 1))} onInput=${event => onInput(event.target.value)}
      aria-invalid=${problem ? 'true' : undefined} aria-describedby=${`${id}-problem`} />
    <div id=${`${id}-problem`} role="status">${problem && html`
      <p class="wrong">Line ${problem.line}: ${problem.reason}.</p>`}</div>
    ${problem && html`<button type="button" onClick=${onRestore}>Discard my text and show the form's</button>`}
  </section>`;
}
