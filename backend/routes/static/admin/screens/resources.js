// All resources, for people who define them.
import {html, useState} from '../parts/html.js';
import {countRecords} from '../parts/counting.js';
import {Action} from '../parts/forms.js';
import {useRead} from '../parts/reading.js';
import {Link} from '../parts/router.js';
import {may} from '../parts/session.js';
import {Empty, Loaded} from '../parts/states.js';

export default function Resources() {
  const read = useRead('/resources');
  const create = may('resources:write')
    && html`<${Link} class="button main" to="/admin/resources/new">New resource<//>`;
  return html`<div class="heading"><h1>Resources</h1><div class="actions">${create}</div></div>
    <${Loaded} read=${read}>${resources => (resources.length
      ? html`<${Table} resources=${resources} />` : html`<${Empty}>
      <p>A resource is a kind of record, such as books: its fields, and who may do what with its records.</p>
      ${create}<//>`)}<//>`;
}

function Table({resources}) {
  return html`<div class="scroll" tabindex="0"><table>
    <thead><tr><th scope="col">Name</th><th scope="col">Description</th><th scope="col" class="number">Fields</th>
      <th scope="col" class="number">Version</th><th scope="col">Records</th><th scope="col">More</th></tr></thead>
    <tbody>${resources.map(({name, description, fields, version}) => html`<tr key=${name}>
      <th scope="row"><${Link} to=${`/admin/resources/${name}`}>${name}<//></th>
      <td>${description}</td>
      <td class="number">${Object.keys(fields).length}</td>
      <td class="number">${version}</td>
      <td><${Count} name=${name} /></td>
      <td><${Link} to=${`/admin/records/${name}`} aria-label=${`Records of ${name}`}>Records<//>, <${Link}
        to=${`/admin/resources/${name}/versions`} aria-label=${`Versions of ${name}`}>Versions<//></td></tr>`)}</tbody>
  </table></div>`;
}

function Count({name}) {
  const [text, setText] = useState(null);
  return html`<${Action} class="link" aria-label=${`Count the records of ${name}`}
    onClick=${async () => setText(await countRecords(name))}>Count<//> <span role="status">${text}</span>`;
}
