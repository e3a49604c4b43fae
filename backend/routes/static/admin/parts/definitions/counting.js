// How many records a resource has, as a text.
import {call} from '../api.js';

export async function countOf(name) {
  const {meta} = await call('GET', `/${name}`, {query: {per_page: 1}});
  const [number, prefix] = meta.total === null ? [meta.total_is_at_least, 'more than '] : [meta.total, ''];
  return `${prefix}${number.toLocaleString()} ${number === 1 ? 'record' : 'records'}`;
}
