// The definition as YAML.
import {html, useId, useState} from '../html.js';
import {Action} from '../forms.js';
import {notify} from '../notices.js';

export function YamlEditor({text, problem, onInput, onRestore}) {
  const id = useId();
  const copy = async () => {
    await navigator.clipboard.writeText(text);
    notify('The YAML is copied.');
  };
  return html`<section class="yaml" aria-labelledby=${`${id}-title`}>
    <div class="heading"><h2 id=${`${id}-title`}><label for=${id}>YAML</label></h2>
      ${navigator.clipboard && html`<${Action} onClick=${copy}>Copy<//>`}</div>
    <textarea class="code" id=${id} value=${text} spellcheck=${false} autocapitalize="off" wrap="off"
      rows=${Math.min(40, Math.max(16, text.split('\n').length + 1))} onInput=${event => onInput(event.target.value)}
      aria-invalid=${problem ? 'true' : undefined} aria-describedby=${`${id}-problem`} />
    <div id=${`${id}-problem`} role="status">${problem && html`
      <p class="wrong">Line ${problem.line}: ${problem.reason}.</p>`}</div>
    ${problem && html`<button type="button" onClick=${onRestore}>Discard my text and show the form's</button>`}
  </section>`;
}
