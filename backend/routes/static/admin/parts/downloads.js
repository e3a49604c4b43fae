// Files that the browser writes to the disk.

export function startDownload(url, name) {
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
