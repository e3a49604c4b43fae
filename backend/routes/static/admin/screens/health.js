// The checks of `flask doctor`, with advice.
import {html} from '../parts/html.js';
import {countText} from '../parts/amounts.js';
import {useRead} from '../parts/reading.js';
import {Loaded} from '../parts/states.js';

const STATES = {failure: ['Failed', 'wrong'], warning: ['Warning', 'warning'], ok: ['OK', 'right']};
const ORDER = Object.keys(STATES);

export default function Health() {
  const read = useRead('/health/checks');
  return html`<div class="heading"><h1>Health</h1>
      <div class="actions"><button type="button" aria-disabled=${read.isLoading} onClick=${read.reload}>
        ${read.isLoading ? 'Checking…' : 'Check again'}</button></div></div>
    <${Loaded} read=${read}>${checks => html`<p role="status">${summaryOf(checks)}</p>
      <div class="scroll" tabindex="0" role="group" aria-label="Checks"><table>
        <thead><tr><th scope="col">Check</th><th scope="col">State</th><th scope="col">Result</th></tr></thead>
        <tbody>${sorted(checks).map(check => html`<${Check} key=${check.name} ...${check} />`)}</tbody>
      </table></div>`}<//>`;
}

// What needs care comes first; the rest stays in its order.
function sorted(checks) {
  return checks.toSorted((one, other) => ORDER.indexOf(one.state) - ORDER.indexOf(other.state));
}

function summaryOf(checks) {
  const count = state => checks.filter(check => check.state === state).length;
  const found = [count('failure') && `${countText(count('failure'), 'check')} failed`,
    count('warning') && countText(count('warning'), 'warning')].filter(Boolean);
  return found.length ? `${found.join(', ')}.` : 'All is well.';
}

function Check({name, state, message, advice}) {
  const [text, style] = STATES[state];
  return html`<tr><th scope="row">${name[0].toUpperCase() + name.slice(1)}</th>
    <td class="short"><strong class=${style}>${text}</strong></td>
    <td>${message}${advice && html`<p class="hint">${advice}</p>`}</td></tr>`;
}
