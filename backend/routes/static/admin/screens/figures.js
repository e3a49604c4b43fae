// The requests of the last hour: how many, how long they took, and which SQL was slow.
import {html, useEffect} from '../parts/html.js';
import {bytesText, countText, numberText, secondsText} from '../parts/amounts.js';
import {Chart} from '../parts/charts.js';
import {useRead} from '../parts/reading.js';
import {Link} from '../parts/router.js';
import {Empty, Loaded} from '../parts/states.js';
import {Time} from '../parts/times.js';

const ROUTE_COLUMNS = ['Requests', 'Refused', 'Failed', 'p50', 'p99', 'Database'];
const AGAIN_MS = 30_000;
const duration = milliseconds => (milliseconds === null ? '–' : secondsText(milliseconds / 1000));

export default function Figures({query}) {
  const [method, route] = [query.get('method'), query.get('route')];
  const read = useRead('/health/figures', {method, route});
  useEffect(() => {
    const timer = setInterval(() => document.hidden || read.reload(), AGAIN_MS);
    return () => clearInterval(timer);
  }, [read.reload]);
  return html`<div class="heading"><h1>Figures</h1>
      <div class="actions"><button type="button" onClick=${read.reload}>Read again</button></div></div>
    <p>${route ? html`Requests of <code>${method} ${route}</code> in the last hour.
      <${Link} to="/admin/figures">Show all requests<//>` : 'All requests of the last hour.'}</p>
    <${Loaded} read=${read}>${figures => html`
      <${Charts} minutes=${figures.minutes} />
      <h2>Requests by route</h2><${Routes} routes=${figures.routes} />
      <h2>Slow statements</h2><${Statements} statements=${figures.statements} />
      <h2>Memory</h2><${Memory} processes=${figures.processes} />`}<//>`;
}

function Charts({minutes}) {
  const times = minutes.map(minute => minute.began_at);
  const series = names => Object.entries(names).map(([name, key]) => (
    {name, values: minutes.map(({numbers}) => numbers[key])}));
  const sum = key => minutes.reduce((total, {numbers}) => total + numbers[key], 0);
  return html`<p>${countText(sum('requests'), 'request')}, ${numberText(sum('refusals'))} refused (4xx), <strong
      class=${sum('failures') ? 'wrong' : ''}>${numberText(sum('failures'))} failed</strong> (5xx).</p>
    <div class="charts">
      <${Chart} title="Requests" unit="per minute" times=${times}
        series=${series({All: 'requests', 'Refused (4xx)': 'refusals', 'Failed (5xx)': 'failures'})} />
      <${Chart} title="Duration" unit="milliseconds" times=${times}
        series=${series({'Half of them (p50)': 'p50_ms', '99 % of them (p99)': 'p99_ms'})} />
    </div>`;
}

function Routes({routes}) {
  if (!routes.length) return html`<${Empty}><p>There were no requests in the last hour.</p><//>`;
  return html`<div class="scroll" tabindex="0" role="group" aria-label="Routes"><table>
    <thead><tr><th scope="col">Route</th>${ROUTE_COLUMNS.map(title => html`
      <th scope="col" class="number">${title}</th>`)}</tr></thead>
    <tbody>${routes.map(({method, route, numbers}) => html`<tr key=${`${method} ${route}`}>
      <th scope="row"><${Link} to=${`/admin/figures?${new URLSearchParams({method, route})}`}>${method} ${route}<//>
      </th>
      <td class="number">${numberText(numbers.requests)}</td><td class="number">${numberText(numbers.refusals)}</td>
      <td class=${`number ${numbers.failures ? 'wrong' : ''}`}>${numberText(numbers.failures)}</td>
      ${[numbers.p50_ms, numbers.p99_ms, numbers.database_ms].map(value => html`
        <td class="number">${duration(value)}</td>`)}</tr>`)}</tbody>
  </table></div>`;
}

function Statements({statements}) {
  if (!statements.length) {
    return html`<${Empty}><p>No statement was slow. <code>LARDER_SLOW_QUERY_MS</code> says which are.</p><//>`;
  }
  return html`<div class="scroll" tabindex="0" role="group" aria-label="Statements"><table>
    <thead><tr><th scope="col">Statement</th><th scope="col" class="number">Slow runs</th>
      <th scope="col" class="number">Slowest</th><th scope="col">Last</th></tr></thead>
    <tbody>${statements.map(({sql, number, slowest_ms: slowest, last_at: last}) => html`<tr key=${sql}>
      <th scope="row"><code>${sql}</code></th><td class="number">${numberText(number)}</td>
      <td class="number">${duration(slowest)}</td><td class="short"><${Time} value=${last} /></td></tr>`)}</tbody>
  </table></div>`;
}

function Memory({processes}) {
  return html`<div class="scroll" tabindex="0" role="group" aria-label="Processes"><table>
    <thead><tr><th scope="col">Process</th><th scope="col" class="number">Memory</th></tr></thead>
    <tbody>${processes.map(({number, memory_bytes: bytes}) => html`<tr key=${number}>
      <th scope="row">${number}</th><td class="number">${bytesText(bytes)}</td></tr>`)}</tbody>
  </table></div>`;
}
