// Times in the zone of the person who reads them, with UTC in the tooltip.
import {html} from './html.js';

const moment = new Intl.DateTimeFormat(undefined, {dateStyle: 'medium', timeStyle: 'short'});

export function Time({value}) {
  if (!value) return html`<span class="quiet">–</span>`;
  const date = new Date(value);
  if (Number.isNaN(date.getTime())) return value; // such as one of a link, which somebody has typed
  return html`<time datetime=${value} title=${`${date.toISOString().slice(0, 19).replace('T', ' ')} UTC`}>${
    moment.format(date)}</time>`;
}
