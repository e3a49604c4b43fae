// Files that the browser writes to the disk.
import {send, urlOf} from './api.js';

// Download what a GET of the API returns. `explain()` is called if it is refused, and may throw a better error.
export async function download(path, name, {query, explain} = {}) {
  // The browser writes the file by itself. It cannot renew the session, so this request does, and checks the rest.
  const {ok, status} = await send('HEAD', path, {query});
  if (!ok) {
    await explain?.();
    throw new Error(`The download was refused with the status ${status}.`);
  }
  startDownload(urlOf(path, query), name);
}

function startDownload(url, name) {
  Object.assign(document.createElement('a'), {href: url, download: name}).click();
}

// Download rows, which are lists of texts and numbers, as CSV.
export function downloadRows(rows, name) {
  const text = rows.map(row => row.map(cellOf).join(',')).join('\r\n');
  const url = URL.createObjectURL(new Blob([`${text}\r\n`], {type: 'text/csv'}));
  startDownload(url, name);
  setTimeout(() => URL.revokeObjectURL(url));
}

// A spreadsheet would run a text such as =1+1 as a formula.
function cellOf(value) {
  const text = String(value).replace(/^[=+\-@\t\r]/, "'$&");
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}
