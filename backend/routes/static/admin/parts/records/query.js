// What a list shows, as its URL says it: the parameters of the API itself, so that a link to it can be shared.
import {takesMany} from '../../fields/filter.js';
import {MAX_EXPANSIONS} from '../labels.js';
import {place, setQuery} from '../router.js';

export const PAGE_SIZES = [20, 50, 100, 200];
const OF_PAGE = ['cursor', 'page', 'per_page'];
const MAX_EXPANDED = 10_000; // records in one response

// Returns {filters, sort, q, cursor, page, perPage} of URLSearchParams; each filter is {name, operator, values}.
export function readQuery(query) {
  const filters = [];
  for (const key of new Set(query.keys())) {
    if (OF_PAGE.includes(key) || key === 'sort' || key === 'q') continue;
    const [name, operator = 'eq'] = key.split('__');
    filters.push({key, name, operator, values: takesMany(operator) ? valuesOf(key) : query.getAll(key)});
  }
  const perPage = Number(query.get('per_page'));
  return {
    filters, sort: query.get('sort'), q: query.get('q'), cursor: query.get('cursor'),
    page: Number(query.get('page')) || 1,
    perPage: PAGE_SIZES.includes(perPage) ? perPage : PAGE_SIZES[0],
  };
}

// In the URL of a link, a comma between values can be written as such: `name__in=Paris,Warsaw`.
function valuesOf(key) {
  const pairs = location.search.slice(1).split('&').map(pair => pair.split('='));
  const decode = text => new URLSearchParams(`value=${text}`).get('value');
  return pairs.filter(([name]) => decode(name) === key).flatMap(([, text = '']) => text.split(',')).map(decode);
}

// Write the filters of a link as this page does, because the next change of the URL encodes its commas.
export function normalize({filters}) {
  if (!location.search.includes(',')) return;
  setQuery(Object.fromEntries(filters.map(({key, values}) => [key, values])), {replace: true, state: history.state});
}

// The parameter of a filter.
export function keyOf(name, operator) {
  return operator === 'eq' ? name : `${name}__${operator}`;
}

// The query parameters of the API that choose records.
export function selectionOf({filters, q}) {
  return {...Object.fromEntries(filters.map(({key, values}) => [key, values])), q};
}

// The best matches of a search have pages, because their order has no place for a cursor.
export function hasNumberedPages({q, sort}) {
  return Boolean(q?.trim()) && !sort;
}

// The query of the request for one page, with no more than the columns need.
export function listQueryOf(shown, resource, columns) {
  const {sort, cursor, page, perPage} = shown;
  const names = columns.map(({name}) => name);
  const needed = [...new Set(['id', ...(resource.label ? [resource.label] : []), ...names,
    ...(resource.require_if_match ? ['version'] : [])])];
  const position = hasNumberedPages(shown) ? {page} : {cursor, count: 'false'};
  return {...selectionOf(shown), sort, per_page: perPage, ...position, fields: needed.join(','),
    ...expansionsOf(resource, columns, perPage)};
}

// Related records are read for their labels, as far as one request can.
function expansionsOf(resource, columns, perPage) {
  let room = MAX_EXPANDED;
  const expanded = columns.filter(field => {
    const isRelation = resource.relations.some(({name, back}) => name === field.name && !back);
    const cost = perPage * (field.options.max ?? 1);
    if (!isRelation || !field.to_label || cost > room) return false;
    room -= cost;
    return true;
  }).slice(0, MAX_EXPANSIONS);
  if (!expanded.length) return {};
  const fields = expanded.map(({name, to_label}) => [`expand.${name}.fields`, `id,${to_label}`]);
  return {expand: expanded.map(({name}) => name).join(','), ...Object.fromEntries(fields)};
}

// Show other records or another order: the list begins at its first page.
export function changeList(changes, options) {
  setQuery({...changes, cursor: null, page: null}, options);
}

// How many pages were shown before this one, one after the other; null if a link led into the middle of the list.
export function pagesBefore({cursor}) {
  return place.get().state?.pagesBefore ?? (cursor ? null : 0);
}
