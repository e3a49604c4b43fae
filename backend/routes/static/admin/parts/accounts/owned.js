// The records that an account has created, as far as this person may list them, and what becomes of them without it.
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

// Returns a sentence about the records of an account that is deleted.
export async function endOfRecords(user) {
  const names = resourcesWithOwner();
  const unknown = 'Each definition says whether its records stay without an owner, or are deleted, too.';
  if (!names.length || names.length > MOST_COUNTED) return unknown;
  const [counts, ends] = await Promise.all([
    Promise.all(names.map(name => countRecords(name, {created_by: user.id}))), readEnds()]);
  const owned = names.map((name, index) => [name, counts[index]]).filter(([, count]) => !/^0 /.test(count));
  if (!owned.length) return 'It has created no records that you may see.';
  const list = owned.map(([name, count]) => `${titleOf(name)}: ${count}${ends ? ` (${ENDS[ends.get(name)]})` : ''}`);
  return `Of the records that you may see, it has created: ${list.join('; ')}.${ends ? '' : ` ${unknown}`}`;
}

// The map of resource to what its definition says, or null without the permission to read definitions.
async function readEnds() {
  if (!may('resources:read')) return null;
  const {data} = await call('GET', '/resources');
  return new Map(data.map(({name, on_owner_delete: end}) => [name, end ?? 'set_null']));
}
