// The background jobs: when they run, how the last run ended, and to run one now.
import {html} from '../parts/html.js';
import {numberText, secondsText} from '../parts/amounts.js';
import {call} from '../parts/api.js';
import {Action} from '../parts/forms.js';
import {notify} from '../parts/notices.js';
import {useRead} from '../parts/reading.js';
import {may, titleOf} from '../parts/session.js';
import {Loaded} from '../parts/states.js';
import {Time} from '../parts/times.js';

export default function Jobs() {
  const read = useRead('/jobs');
  const run = async name => {
    await call('POST', `/jobs/${name}/runs`);
    notify(`${titleOf(name)} is started. When it has ended, “Read again” shows how.`);
    read.reload();
  };
  return html`<div class="heading"><h1>Jobs</h1>
      <div class="actions"><button type="button" onClick=${read.reload}>Read again</button></div></div>
    <p class="quiet">Schedules are cron expressions in UTC.</p>
    <${Loaded} read=${read}>${jobs => html`<div class="scroll" tabindex="0" role="group" aria-label="Jobs"><table>
      <thead><tr><th scope="col">Job</th><th scope="col">Schedule</th><th scope="col">Next run</th>
        <th scope="col">Last run</th><th scope="col" class="number">Runs</th>
        <th scope="col"><span class="hidden-text">Actions</span></th></tr></thead>
      <tbody>${jobs.map(job => html`<${Job} key=${job.name} ...${job} onRun=${run} />`)}</tbody>
    </table></div>`}<//>`;
}

function Job({name, purpose, schedule, next_run_at: next, last_run: last, onRun}) {
  return html`<tr><th scope="row"><strong>${titleOf(name)}</strong><p class="hint">${purpose}</p></th>
    <td class="short">${schedule ? html`<code>${schedule}</code>` : html`<span class="quiet">None</span>`}</td>
    <td class="short"><${Time} value=${next} /></td>
    <td>${last ? html`<${LastRun} ...${last} />` : html`<span class="quiet">Never</span>`}</td>
    <td class="number">${numberText(last?.runs ?? 0)}${last?.failures > 0 && html`
      <p class="wrong">${numberText(last.failures)} failed</p>`}</td>
    <td>${may('system:write') && html`<${Action} aria-label=${`Run ${titleOf(name)} now`}
      onClick=${() => onRun(name)}>Run now<//>`}</td></tr>`;
}

function LastRun({ended_at: ended, seconds, failure}) {
  return html`<${Time} value=${ended} /> <span class="quiet">(${secondsText(seconds)})</span>
    ${failure === null ? html` <span class="right">succeeded</span>`
    : html`<p class="wrong">Failed: ${failure}</p>`}`;
}
