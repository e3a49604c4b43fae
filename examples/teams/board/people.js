// Names of people, by their ids: records and changes have only the ids.
import {call} from './api.js';

const MOST_IDS = 200;
const names = new Map();

export function nameOf(id) {
  return names.get(id) ?? 'Somebody';
}

// The next user of this page may see fewer.
export function forgetNames() {
  names.clear();
}

// Look names up in the directory that are not known yet.
export async function learnNames(ids) {
  const unknown = [...new Set(ids)].filter(id => id && !names.has(id));
  while (unknown.length) {
    const some = unknown.splice(0, MOST_IDS);
    const {data} = await call('GET', `/directory?id__in=${some}&fields=id,name&per_page=${MOST_IDS}`);
    some.forEach(id => names.set(id, 'Somebody')); // who has no account any more
    data.forEach(person => names.set(person.id, person.name ?? 'Somebody'));
  }
}

// Returns the ids of the members of a team.
export async function membersOf(team) {
  const {data} = await call('GET', `/memberships?team=${team}&fields=user&per_page=200`);
  const ids = data.map(membership => membership.user);
  await learnNames(ids);
  return ids;
}
