// Charts of numbers over time: lines for the eye, and the same numbers as a table.
import {html} from './html.js';
import {numberText} from './amounts.js';
import {Time} from './times.js';

const HEIGHT = 100; // of the drawing, which is stretched to the width of the page

// `times` are texts of moments; each of `series` is {name, values}, with null where there is no value.
export function Chart({title, unit, times, series}) {
  const most = Math.max(...series.flatMap(({values}) => values.filter(value => value !== null)), 0);
  return html`<figure class="chart">
    <figcaption><strong>${title}</strong> <span class="quiet">(${unit})</span></figcaption>
    <${Legend} series=${series} />
    <p class="scale">${most ? numberText(most) : 'No values'}</p>
    <svg role="img" viewBox=${`0 0 ${times.length - 1} ${HEIGHT}`} preserveAspectRatio="none">
      <title>${describe(title, unit, series)}</title>
      ${series.map(({name, values}, index) => html`
        <path key=${name} class=${`series-${index}`} d=${pathOf(values, most || 1)}
          vector-effect="non-scaling-stroke" />`)}
    </svg>
    <p class="scale ends"><${Time} value=${times[0]} /><${Time} value=${times.at(-1)} /></p>
    <${Numbers} title=${title} times=${times} series=${series} />
  </figure>`;
}

function Legend({series}) {
  return html`<ul class="legend">${series.map(({name}, index) => html`<li key=${name}>
    <svg aria-hidden="true" viewBox="0 0 24 8"><path class=${`series-${index}`} d="M0 4H24" /></svg> ${name}</li>`)}
  </ul>`;
}

// A value between two gaps is drawn as a point.
function pathOf(values, most) {
  return values.map((value, index) => {
    if (value === null) return '';
    const y = HEIGHT - value / most * HEIGHT;
    return index && values[index - 1] !== null ? `L${index} ${y}` : `M${index} ${y}h.01`;
  }).join('');
}

function describe(title, unit, series) {
  const parts = series.map(({name, values}) => {
    const found = values.filter(value => value !== null);
    return found.length ? `${name}: ${numberText(Math.min(...found))} to ${numberText(Math.max(...found))}`
      : `${name}: none`;
  });
  return `${title} (${unit}). ${parts.join('; ')}.`;
}

function Numbers({title, times, series}) {
  const rows = times.map((time, index) => [time, series.map(({values}) => values[index])])
    .filter(([, values]) => values.some(Boolean)).reverse();
  return html`<details><summary>Numbers<span class="hidden-text"> of ${title}</span></summary>
    ${rows.length ? html`<div class="scroll" tabindex="0" role="group" aria-label=${title}><table>
      <thead><tr><th scope="col">Time</th>${series.map(({name}) => html`
        <th scope="col" class="number">${name}</th>`)}</tr></thead>
      <tbody>${rows.map(([time, values]) => html`<tr key=${time}><th scope="row"><${Time} value=${time} /></th>
        ${values.map(value => html`<td class="number">${value === null ? '–' : numberText(value)}</td>`)}
      </tr>`)}</tbody></table></div>` : html`<p class="quiet">There are none.</p>`}
  </details>`;
}
