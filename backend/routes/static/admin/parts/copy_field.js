// A text to copy, which can be read but not changed.
import {html, useRef} from './html.js';
import {copyText} from './copy.js';
import {Labelled} from './forms.js';
import {notify} from './notices.js';

export function CopyField({label, hint, text}) {
  const input = useRef(null);
  const copy = async () => {
    if (await copyText(text)) return notify('Copied.');
    input.current.focus(); // which selects it
    return notify('Press Ctrl+C or Cmd+C to copy.');
  };
  return html`<${Labelled} label=${label} hint=${hint}>${attributes => html`<div class="row">
    <input ...${attributes} ref=${input} readonly value=${text} onFocus=${event => event.target.select()} />
    <button type="button" onClick=${copy}>Copy</button></div>`}<//>`;
}
