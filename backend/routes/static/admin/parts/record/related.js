// Records of other resources that refer to a record: links to their lists, and how many there are.
import {html, useState} from '../html.js';
import {countRecords} from '../counting.js';
import {Action} from '../forms.js';
import {Link} from '../router.js';
import {resourceNamed, titleOf} from '../session.js';

const FILTERS = {reference: '', references: '__any'}; // of the ids of a field

export function Related({resource, id}) {
  const found = relationsOf(resource);
  const isOnly = name => found.filter(each => each.resource === name).length === 1;
  return found.length > 0 && html`<section aria-labelledby="related"><h2 id="related">Related records</h2>
    <ul class="cards">${found.map(relation => html`<${RelatedList} key=${`${relation.resource}.${relation.field}`}
      ...${relation} id=${id} isOnly=${isOnly(relation.resource)} />`)}</ul>
  </section>`;
}

// The relations from others, each once: [{resource, field, filter}].
function relationsOf(resource) {
  const found = new Map();
  for (const relation of resource.relations.filter(each => each.back)) {
    const field = resourceNamed(relation.resource)?.fields.find(each => each.name === relation.field);
    const filter = field?.operators.length ? `${field.name}${FILTERS[field.type] ?? ''}` : null;
    if (filter) found.set(`${relation.resource}.${filter}`, {...relation, filter});
  }
  return [...found.values()];
}

// A link to the records of a resource that refer to another one by `filter`, and how many there are.
export function RelatedList({resource, field, filter, id, isOnly}) {
  const [count, setCount] = useState(null);
  const read = async () => setCount(await countRecords(resource, {[filter]: id}));
  const title = isOnly ? titleOf(resource) : `${titleOf(resource)} (${titleOf(field).toLowerCase()})`;
  return html`<li><${Link} to=${`/admin/records/${resource}?${filter}=${id}`}>${title}<//>
    <div><${Action} class="link" aria-label=${`Count ${title}`} onClick=${read}>Count<//>
      <span class="quiet" role="status">${count}</span></div></li>`;
}
