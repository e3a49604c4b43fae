// The versions of a definition: who changed it and when, and what differs between two of them.
import {html} from '../parts/html.js';
import {Difference} from '../parts/definitions/difference.js';
import {toYaml} from '../parts/definitions/yaml.js';
import {Select} from '../parts/forms.js';
import {useLabels} from '../parts/labels.js';
import {useRead} from '../parts/reading.js';
import {Link, setQuery} from '../parts/router.js';
import {Loaded} from '../parts/states.js';
import {Time} from '../parts/times.js';

export default function Versions({name, query}) {
  const read = useRead(`/resources/${name}/versions`);
  return html`<div class="heading"><h1>Versions of ${name}</h1><div class="actions">
      <${Link} class="button" to=${`/admin/resources/${name}`}>Definition<//></div></div>
    <${Loaded} read=${read}>${versions => html`<${Table} name=${name} versions=${versions} />
      ${versions.length > 1 && html`<${Comparison} versions=${versions} query=${query} />`}`}<//>`;
}

function Table({name, versions}) {
  const person = useLabels('users', versions.map(({created_by: id}) => id));
  return html`<div class="scroll" tabindex="0"><table>
    <thead><tr>${['Version', 'When', 'Who', 'More'].map(title => html`<th scope="col">${title}</th>`)}</tr></thead>
    <tbody>${versions.map(({version, definition, created_at: when, created_by: who}, index) => html`<tr key=${version}>
      <th scope="row">${version}${!definition && html` <span class="quiet">dropped or renamed</span>`}</th>
      <td><${Time} value=${when} /></td>
      <td>${who ? person(who) : html`<span class="quiet">a command</span>`}</td>
      <td>${index < versions.length - 1 && html`<button class="link" aria-label=${`Changes of version ${version}`}
          onClick=${() => setQuery({from: versions[index + 1].version, to: version})}>Changes</button>`}
        ${definition && index > 0 && html` <${Link} to=${`/admin/resources/${name}?version=${version}`}
          aria-label=${`Use version ${version} as a draft`}>Use as a draft<//>`}</td></tr>`)}</tbody>
  </table></div>`;
}

function Comparison({versions, query}) {
  const find = (part, fallback) => versions.find(({version}) => String(version) === query.get(part)) ?? fallback;
  const [from, to] = [find('from', versions[1]), find('to', versions[0])];
  const text = ({definition}) => (definition ? toYaml(definition) : '');
  const choice = (label, part, chosen) => html`<${Select} label=${label} value=${String(chosen.version)}
    options=${versions.map(({version}) => [String(version), `Version ${version}`])}
    onInput=${version => setQuery({[part]: version})} />`;
  return html`<section aria-labelledby="difference"><h2 id="difference">Difference</h2>
    <div class="row">${choice('From', 'from', from)}${choice('To', 'to', to)}</div>
    <${Difference} label=${`From version ${from.version} to ${to.version}`} before=${text(from)} after=${text(to)} />
  </section>`;
}
