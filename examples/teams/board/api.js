// Calls of the API: the only module that uses fetch, and the only one that knows the tokens.
const LARDER = document.querySelector('meta[name=larder]').content;

let tokens = null; // nowhere else: another script or tab, or the next user of the browser, finds none
let refreshing = null;

export class ApiError extends Error {
  constructor(status, error, headers) {
    const {json, query} = error.details ?? {};
    super([error.message, ...messagesOf({...json, ...query})].join(' '));
    this.status = status;
    this.waitMs = 1000 * Number(headers.get('Retry-After') ?? 0);
  }
}

// The messages of a 422, which are by field: {"title": [{"message": "Must not be empty."}]}.
function messagesOf(problems) {
  return Object.entries(problems).flatMap(([field, found]) => [found].flat().map(each => `${field}: ${each.message}`));
}

// Returns the account.
export async function signIn(email, password) {
  tokens = null;
  tokens = (await call('POST', '/auth/login', {body: {email, password}})).data;
  return tokens.user;
}

export async function signOut() {
  try {
    await call('POST', '/auth/logout');
  } finally {
    tokens = null;
  }
}

// Returns {data, meta, etag}. Throws ApiError, and TypeError if the server cannot be reached.
export async function call(method, path, options) {
  const response = await send(method, path, options);
  const {data, meta} = await response.json();
  return {data, meta, etag: response.headers.get('ETag')};
}

// Returns the Response of a call that has succeeded, after a refresh of the session if that was needed.
export async function send(method, path, options = {}) {
  const used = tokens;
  let response = await request(method, path, used?.access_token, options);
  if (response.status === 401 && used) {
    await refresh(used);
    response = await request(method, path, tokens?.access_token, options);
  }
  if (!response.ok) throw await errorOf(response);
  return response;
}

function request(method, path, token, {body, headers, signal}) {
  const sent = {...headers, ...(body && {'Content-Type': 'application/json'})};
  if (token) sent.Authorization = `Bearer ${token}`;
  return fetch(`${LARDER}/api/v1${path}`, {method, headers: sent, body: body && JSON.stringify(body), signal});
}

async function errorOf(response) {
  const answer = await response.json().catch(() => ({})); // a proxy answers in other ways
  const error = answer.error ?? {message: `The server answers ${response.status}.`};
  return new ApiError(response.status, error, response.headers);
}

// A refresh token works once, so calls that need new tokens at the same time share one refresh.
function refresh(used) {
  if (tokens !== used) return null;
  refreshing ??= exchange(used).finally(() => { refreshing = null; });
  return refreshing;
}

async function exchange(used) {
  const response = await request('POST', '/auth/refresh', used.refresh_token, {});
  if (!response.ok) throw await errorOf(response);
  const {data} = await response.json();
  if (tokens === used) tokens = data; // else the user has signed out meanwhile
}
