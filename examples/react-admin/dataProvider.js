// A data provider for react-admin: <Admin dataProvider={larder('https://larder.example.com/api/v1', getToken)}>.
// `getToken()` returns the access token of the person who is signed in.
export function larder(api, getToken) {
  async function call(method, path, body, headers = {}) {
    const sent = {'Content-Type': 'application/json', Authorization: `Bearer ${await getToken()}`, ...headers};
    const response = await fetch(api + path, {method, headers: sent, body: body && JSON.stringify(body)});
    const answer = await response.json();
    if (answer.success) return answer;
    const {message, details} = answer.error;  // react-admin shows `errors` beside the fields of the form
    const errors = Object.fromEntries(Object.entries(details.json ?? {}).map(([name, found]) => [name, found[0]?.message]));
    throw Object.assign(new Error(message), {status: response.status, body: {errors}});
  }

  async function getList(resource, {pagination = {page: 1, perPage: 100}, sort, filter = {}}) {
    const order = sort ? {sort: (sort.order === 'DESC' ? '-' : '') + sort.field} : {};
    const query = new URLSearchParams({page: pagination.page, per_page: pagination.perPage, ...order, ...filter});
    const {data, meta} = await call('GET', `/${resource}?${query}`);
    // Of very many records the number is not counted: react-admin then needs to know whether there are more pages.
    if (meta.total !== null) return {data, total: meta.total};
    return {data, pageInfo: {hasNextPage: meta.next_cursor !== null, hasPreviousPage: meta.page > 1}};
  }

  const each = (ids, action) => Promise.all(ids.map(action)).then(() => ({data: ids}));
  return {
    getList,
    getOne: (resource, {id}) => call('GET', `/${resource}/${id}`),
    getMany: (resource, {ids}) => getList(resource, {filter: {id__in: ids.join(',')}}),
    getManyReference: (resource, {target, id, filter, ...rest}) =>
      getList(resource, {...rest, filter: {...filter, [target]: id}}),
    create: (resource, {data}) => call('POST', `/${resource}`, data),
    // The version that the form was opened with: if somebody else has saved since, the answer is 412.
    update: (resource, {id, data, previousData}) =>
      call('PATCH', `/${resource}/${id}`, changes(data, previousData), {'If-Match': `"${previousData.version}"`}),
    updateMany: (resource, {ids, data}) => each(ids, id => call('PATCH', `/${resource}/${id}`, data)),
    delete: (resource, {id, previousData}) => call('DELETE', `/${resource}/${id}`).then(() => ({data: previousData ?? {id}})),
    deleteMany: (resource, {ids}) => each(ids, id => call('DELETE', `/${resource}/${id}`)),
  };
}

function changes(data, before) {
  return Object.fromEntries(Object.entries(data).filter(([name, value]) => value !== before[name]));
}
