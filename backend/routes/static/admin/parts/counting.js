// How many records a list has, as a text: counted when somebody asks, because it takes time.
import {totalText} from './amounts.js';
import {call} from './api.js';

// `query` chooses some of the records of a resource.
export async function countRecords(name, query = {}) {
  const {meta} = await call('GET', `/${name}`, {query: {...query, per_page: 1, fields: 'id'}});
  return totalText(meta, 'record');
}
