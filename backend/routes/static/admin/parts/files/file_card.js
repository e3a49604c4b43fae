// A file as people recognise it: its picture, its name as a link, and what it is.
import {html, useState} from '../html.js';
import {bytesText} from '../amounts.js';
import {previewOf} from './previews.js';

export function FileCard({file, field}) {
  const {name, type, bytes, url} = file;
  return html`<div class="file"><${Thumbnail} file=${file} field=${field} isLarge />
    <div>${url ? html`<a href=${url}>${name}</a>` : html`<span>${name}</span>`}
      <div class="quiet">${type}, ${bytesText(bytes)}${!url && '. It is stored when you save.'}</div></div></div>`;
}

// Nothing if the file is no picture, or one that cannot be shown. The name beside it says what it is.
export function Thumbnail({file, field, isLarge}) {
  const source = previewOf(file, field);
  const [broken, setBroken] = useState('');
  if (!source || broken === source) return null;
  return html`<img class=${isLarge ? 'picture large' : 'picture'} src=${source} alt="" loading="lazy"
    onError=${() => setBroken(source)} />`;
}
