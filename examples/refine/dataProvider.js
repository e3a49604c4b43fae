// A data provider for refine: <Refine dataProvider={larder('https://larder.example.com/api/v1', getToken)}>.
// `getToken()` returns the access token of the person who is signed in.
const OPERATORS = {
  eq: '', ne: '__ne', lt: '__lt', lte: '__lte', gt: '__gt', gte: '__gte', in: '__in', nin: '__nin',
  contains: '__icontains', containss: '__contains', startswiths: '__startswith',
};

export function larder(api, getToken) {
  async function call(method, path, body, headers = {}) {
    const sent = {'Content-Type': 'application/json', Authorization: `Bearer ${await getToken()}`, ...headers};
    const response = await fetch(api + path, {method, headers: sent, body: body && JSON.stringify(body)});
    const answer = await response.json();
    if (answer.success) return answer;
    const {message, details} = answer.error;
    const errors = Object.fromEntries(Object.entries(details.json ?? {}).map(([name, found]) => [name, found[0]?.message]));
    throw Object.assign(new Error(message), {statusCode: response.status, errors});
  }

  return {
    getApiUrl: () => api,
    async getList({resource, pagination = {}, sorters = [], filters = []}) {
      const query = new URLSearchParams({page: pagination.currentPage ?? 1, per_page: pagination.pageSize ?? 20});
      if (sorters.length) query.set('sort', sorters.map(({field, order}) => (order === 'desc' ? '-' : '') + field).join(','));
      for (const {field, operator, value} of filters) {
        if (operator === 'null' || operator === 'nnull') query.set(`${field}__isnull`, operator === 'null');
        else if (operator in OPERATORS) query.set(field + OPERATORS[operator], value);
        else throw new Error(`There is no filter for the operator ${operator}.`);
      }
      const {data, meta} = await call('GET', `/${resource}?${query}`);
      return {data, total: meta.total ?? meta.total_is_at_least};  // of very many records the number is not counted
    },
    getOne: ({resource, id}) => call('GET', `/${resource}/${id}`),
    getMany: ({resource, ids}) => call('GET', `/${resource}?per_page=100&id__in=${ids.join(',')}`),
    create: ({resource, variables}) => call('POST', `/${resource}`, variables),
    update: ({resource, id, variables}) => call('PATCH', `/${resource}/${id}`, variables),
    deleteOne: ({resource, id}) => call('DELETE', `/${resource}/${id}`).then(() => ({data: {id}})),
  };
}
