// `file`: an uploaded file. A draft is what the API says of a file, null, or {pending: name} while one is uploaded.
import {html, useEffect, useRef, useState} from '../parts/html.js';
import {bytesText} from '../parts/amounts.js';
import {FileCard, Thumbnail} from '../parts/files/file_card.js';
import {useFileUpload} from '../parts/files/uploading.js';
import {Progress} from '../parts/progress.js';

export function format(value) {
  return value ?? null;
}

export function parse(draft) {
  if (draft?.pending) throw new Error('The file is still being sent. Wait, or stop it.');
  return draft?.id ?? null;
}

export function cell(value, field) {
  return html`<span class="file"><${Thumbnail} file=${value} field=${field} />
    ${value.url ? html`<a href=${value.url} title=${describe(value)}>${value.name}</a>` : value.name}</span>`;
}

export function whole(value, field) {
  return value.url ? html`<${FileCard} file=${value} field=${field} />` : cell(value, field);
}

function describe({type, bytes}) {
  return `${type}, ${bytesText(bytes)}`;
}

export function Input({field, value: draft, onInput, attributes}) {
  const input = useRef(null);
  const {sent, problem, send, stop} = useFileUpload(field, draft, onInput);
  const [isOver, setOver] = useState(false);
  useEffect(() => stop, []); // who leaves the form stops the upload
  const choose = files => {
    if (files.length) send(files[0]);
    input.current.value = ''; // so that the same file can be chosen again
  };
  const drop = event => {
    event.preventDefault();
    setOver(false);
    choose(event.dataTransfer.files);
  };
  const remove = () => {
    onInput(null);
    input.current.focus(); // the button is gone
  };
  const stopIt = () => {
    stop();
    input.current.focus();
  };
  return html`<div class=${isOver ? 'drop over' : 'drop'} onDrop=${drop} onDragLeave=${() => setOver(false)}
      onDragOver=${event => { event.preventDefault(); setOver(true); }}>
    ${draft?.id && html`<${FileCard} file=${draft} field=${field} />`}
    ${draft?.pending && html`<${Progress} text=${progressText(draft.pending, sent)} sent=${sent} onStop=${stopIt} />`}
    <div class="row">
      <input ...${attributes} ref=${input} type="file" accept=${field.options.types?.join(',')}
        aria-invalid=${problem ? 'true' : attributes['aria-invalid']} onChange=${event => choose(event.target.files)} />
      ${draft?.id && html`<button type="button" onClick=${remove}>Remove</button>`}
    </div>
    ${problem && html`<ul class="problems" role="alert"><li>${problem}</li></ul>`}
  </div>`;
}

function progressText(name, sent) {
  return sent < 1 ? `Sending ${name}…` : `Checking ${name}…`;
}
