// What an import did, or in a check would do.
import {html, useLayoutEffect, useRef} from '../html.js';
import {countText} from '../amounts.js';
import {downloadRows} from '../downloads.js';
import {Link} from '../router.js';
import {titleOf} from '../session.js';

const MOST_SHOWN = 200; // problems in the table

// Returns the report of the data of an import, or of the details of its error: {counts, good, bad, changed, problems}.
// `counts` is null if nothing was counted; problems are {line, place, message}, and those of a column have no line.
export function reportOf(data, isDryRun) {
  if (data.problems) {
    const {rows, created, updated, skipped, bad, changed, problems} = data;
    return {isDryRun, counts: {rows, created, updated, skipped, bad}, good: rows - bad, bad, changed, problems};
  }
  const problems = [
    ...Object.entries(data.columns ?? {}).flatMap(([place, texts]) => texts.map(each => ({place, ...each}))),
    ...Object.entries(data.rows ?? {}).flatMap(([line, texts]) => texts.map(each => ({line, ...each}))),
  ];
  return problems.length ? {isDryRun, counts: null, good: 0, bad: problems.length, changed: [], problems} : null;
}

export function ImportReport({resource, report}) {
  const {isDryRun, counts, changed, problems} = report;
  const heading = useRef(null);
  useLayoutEffect(() => { // the button that had the focus is gone
    const lost = [document.body, document.getElementById('content')];
    if (lost.includes(document.activeElement)) heading.current.focus();
  }, [report]);
  const title = isDryRun ? 'Result of the check' : counts ? 'Imported' : 'Nothing was imported';
  return html`<section aria-labelledby="report">
    <h2 id="report" ref=${heading} tabindex="-1">${title}</h2>
    ${counts && html`<p role="status">${sentenceOf(counts, isDryRun)}</p>`}
    ${changed.length > 0 && html`<h3>Read differently</h3><ul>${changed.map(({column, option, cells, example}) => html`
      <li>${column}: ${countText(cells, 'value')} with <code>${option}</code>, such as ${example}</li>`)}</ul>`}
    ${problems.length > 0 && html`<${Problems} resource=${resource} problems=${problems} />`}
    ${!isDryRun && counts && html`<p><${Link} class="button" to=${`/admin/records/${resource.name}`}>
      Show ${titleOf(resource.name).toLowerCase()}<//></p>`}
  </section>`;
}

function sentenceOf({rows, created, updated, skipped, bad}, isDryRun) {
  const [creates, updates] = isDryRun ? ['would create', 'update'] : ['created', 'updated'];
  const done = `${countText(rows, 'row')}: ${
    creates} ${countText(created, 'record')}, ${updates} ${updated.toLocaleString()}.`;
  const rest = [bad && `${countText(bad, 'row')} not valid.`, skipped && `${countText(skipped, 'empty row')} skipped.`];
  return [done, ...rest].filter(Boolean).join(' ');
}

function Problems({resource, problems}) {
  const shown = problems.slice(0, MOST_SHOWN);
  const rows = problems.map(({line = '', place = '', message}) => [line, place, withoutPlace(message, place)]);
  const download = () => downloadRows([['line', 'field', 'problem'], ...rows], `${resource.name}-problems.csv`);
  return html`<div class="scroll" tabindex="0"><table class="records">
      <thead><tr><th scope="col" class="number">Line</th><th scope="col">Field</th><th scope="col">Problem</th></tr>
      </thead>
      <tbody>${shown.map(({line, place, message}) => html`<tr>
        <td class="number">${line}</td><td>${place}</td><td>${withoutPlace(message, place)}</td></tr>`)}</tbody>
    </table></div>
    ${shown.length < problems.length && html`<p class="quiet">
      The first ${MOST_SHOWN} of ${countText(problems.length, 'problem')}
      are shown.</p>`}
    <div class="actions"><button type="button" onClick=${download}>Download the problems</button></div>`;
}

// The API begins some messages with the name of the field, which has a column of its own here.
function withoutPlace(message, place) {
  return place && message.startsWith(`${place}: `) ? message.slice(place.length + 2) : message;
}
