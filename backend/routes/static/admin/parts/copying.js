// Copying to the clipboard, also where the browser allows it only by its older way: on a page without HTTPS.
import {html, useRef} from './html.js';
import {Labelled} from './forms.js';
import {notify} from './notices.js';

// Returns whether the text was copied.
export async function copyText(text) {
  if (!navigator.clipboard) return copyByCommand(text);
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    return false;
  }
}

function copyByCommand(text) {
  const opener = document.activeElement;
  const area = document.createElement('textarea');
  area.value = text;
  (opener.closest('dialog') ?? document.body).append(area); // a dialog makes the rest of the page inert
  area.select();
  const isCopied = document.execCommand('copy');
  area.remove();
  opener.focus();
  return isCopied;
}

// A text to copy, which can be read but not changed.
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
