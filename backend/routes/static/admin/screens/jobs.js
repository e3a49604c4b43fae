// The background jobs: when they run, and how the last run ended.
import {html} from '../parts/html.js';
import {numberText, secondsText} from '../parts/amounts.js';
import {useRead} from '../parts/reading.js';
import {titleOf} from '../parts/session.js';
import {Loaded} from '../parts/states.js';
import {Time} from '../parts/times.js';

export default function Jobs() {
  const read = useRead('/jobs');
  return html`<div class="heading"><h1>Jobs</h1>
      <div class="actions"><button type="button" onClick=${read.reload}>Read again</button></div></div>
    <p class="quiet">Schedules are cron expressions in UTC.</p>
    <${Loaded} read=${read}>${jobs => html`<div class="scroll" tabindex="0" role="group" aria-label="Jobs"><table>
      <thead><tr><th scope="col">Job</th><th scope="col">Schedule</th><th scope="col">Next run</th>
        <th scope="col">Last run</th><th scope="col" class="number">Runs</th></tr></thead>
      <tbody>${jobs.map(job => html`<${Job} key=${job.name} ...${job} />`)}</tbody>
    </table></div>`}<//>`;
}

function Job({name, purpose, schedule, next_run_at: next, last_run: last}) {
  return html`<tr><th scope="row"><strong>${titleOf(name)}</strong><p class="hint">${purpose}</p></th>
    <td class="short">${schedule ? html`<code>${schedule}</code>` : html`<span class="quiet">None</span>`}</td>
    <td class="short"><${Time} value=${next} /></td>
    <td>${last ? html`<${LastRun} ...${last} />` : html`<span class="quiet">Never</span>`}</td>
    <td class="number">${numberText(last?.runs ?? 0)}${last?.failures > 0 && html`
      <p class="wrong">${numberText(last.failures)} failed</p>`}</td></tr>`;
}

function LastRun({ended_at: ended, seconds, failure}) {
  return html`<${Time} value=${ended} /> <span class="quiet">(${secondsText(seconds)})</span>
    ${failure === null ? html` <span class="right">succeeded</span>`
    : html`<p class="wrong">Failed: ${failure}</p>`}`;
}
