// The records of an account, as far as this person may list them, and what becomes of them without it.
import {html} from '../html.js';
import {call} from '../api.js';
import {countRecords} from '../counting.js';
import {RelatedList} from '../record/related.js';
import {may, person, titleOf} from '../session.js';

const MOST_COUNTED = 30; // resources, each with a request
const ENDS = {set_null: 'kept without an owner', cascade: 'deleted, too', restrict: 'forbid the deletion'};

export function Owned({user}) {
  const names = resourcesWithOwner();
  return names.length > 0 && html`<section aria-labelledby="owned"><h2 id="owned">Records of this account</h2>
    <p class="hint">Those that it has created, as far as you may list them.</p>
    <ul class="cards">${names.map(name => html`<${RelatedList} key=${name} resource=${name} field="created_by"
      filter="created_by" id=${user.id} isOnly />`)}</ul></section>`;
}

function resourcesWithOwner() {
  return person.get().schema.resources.filter(({fields}) => fields.some(
    ({name, operators}) => name === 'created_by' && operators.length)).map(({name}) => name);
}

// Returns sentences about the records of an account that is deleted: those it has created, and those that refer to it.
export async function endOfRecords(user) {
  const names = resourcesWithOwner();
  const unknown = 'Each definition says whether its records stay without an owner, or are deleted, too.';
  if (!names.length || names.length > MOST_COUNTED) return unknown;
  const definitions = may('resources:read') ? (await call('GET', '/resources')).data : [];
  const ends = new Map(definitions.map(({name, on_owner_delete: end}) => [name, end ?? 'set_null']));
  const [owned, others] = await Promise.all([
    counted(user, names.map(name => [name, 'created_by', ends.get(name)])),
    counted(user, definitions.flatMap(linksToUsers))]);
  const created = owned.length ? `Of the records that you may see, it has created: ${owned.join('; ')}.`
    : 'It has created no records that you may see.';
  const referring = others.length ? ` Others refer to it: ${others.join('; ')}.` : '';
  return `${created}${referring}${owned.length && !definitions.length ? ` ${unknown}` : ''}`;
}

// Returns a text for each of these [resource, field, end] whose field has the account in a record.
async function counted(user, links) {
  const counts = await Promise.all(links.map(([name, field]) => countRecords(name, {[field]: user.id})));
  return links.map(([name, , end], index) => /^0 /.test(counts[index]) ? ''
    : `${titleOf(name)}: ${counts[index]}${end ? ` (${ENDS[end]})` : ''}`).filter(Boolean);
}

// Returns [resource, field, end] for each field by which the deletion of a user deletes records, or is forbidden.
function linksToUsers({name, fields}) {
  const listed = person.get().schema.resources.find(resource => resource.name === name)?.fields ?? [];
  return listed.filter(({name: field, operators}) => operators.length && fields[field]?.type === 'reference'
    && fields[field].to === 'users' && fields[field].on_delete !== 'set_null')
    .map(({name: field}) => [name, field, fields[field].on_delete ?? 'restrict']);
}
