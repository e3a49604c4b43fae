// Calls of the API: the only module that uses fetch.
import {parseJson, toJson} from './json.js';
import {API, BASE} from './place.js';
import {makeStore} from './store.js';

const RETRY_MS = 3000;

export const connection = makeStore('open'); // or 'lost'
export const session = makeStore('none'); // or 'open', or 'ended': somebody was signed in, and is no longer

export class ApiError extends Error {
  // `problems` has the texts of a 422 by field: {title: ['Must not be empty.']}; those of the whole body are under ''.
  // `queryProblems` has those of query parameters.
  constructor(status, error, etag) {
    super(error.message);
    Object.assign(this, {status, code: error.code, details: error.details || {}, etag});
    this.problems = problemsOf(this.details.json);
    this.queryProblems = problemsOf(this.details.query);
  }
}

export class ConnectionLost extends Error {
  constructor() {
    super('The server cannot be reached.');
  }
}

function problemsOf(details) {
  const found = {};
  const collect = (value, path) => {
    if (Array.isArray(value)) {
      found[path] = value.map(problem => problem.message ?? String(problem));
    } else if (value && typeof value === 'object') {
      for (const [key, inner] of Object.entries(value)) {
        collect(inner, key === '_schema' ? path : path ? `${path}.${key}` : key);
      }
    }
  };
  collect(details, '');
  return found;
}

export function cookie(name) {
  return document.cookie.split('; ').find(pair => pair.startsWith(`${name}=`))?.slice(name.length + 1);
}

// The URL of a call. `query` is an object: lists are sent as repeated parameters, null and undefined are left out.
export function urlOf(path, query = {}) {
  const parameters = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) {
    for (const each of Array.isArray(value) ? value : [value]) {
      if (each !== undefined && each !== null) parameters.append(name, each);
    }
  }
  const text = parameters.toString();
  return `${/^\/(health\/|openapi\.json$)/.test(path) ? BASE : API}${path}${text ? `?${text}` : ''}`;
}

// Returns {status, data, meta, etag, headers}. Throws ApiError, ConnectionLost, or an AbortError of `signal`.
export async function call(method, path, {query, body, headers = {}, signal} = {}) {
  return answerOf(await send(method, path, {query, body, headers, signal}));
}

// The same, of a Response.
export async function answerOf(response) {
  const isJson = response.headers.get('Content-Type')?.startsWith('application/json');
  const answer = isJson ? await read(response) : {data: await response.text()};
  const etag = response.headers.get('ETag');
  if (!response.ok) {
    throw new ApiError(response.status, forPeople(answer.error || {message: response.statusText}, response), etag);
  }
  return {status: response.status, data: answer.data, meta: answer.meta, etag, headers: response.headers};
}

// The API says how a program signs in.
function forPeople(error, {status, url}) {
  if (status !== 401 || session.get() !== 'ended' || url.endsWith('/auth/login')) return error;
  return {...error, message: 'Your session has ended. Sign in again.'};
}

// Returns the Response of a call, after a refresh of the session if that was needed.
export function send(method, path, {query, body, headers = {}, signal} = {}) {
  return inSession(() => fetchIt(method, urlOf(path, query), body, headers, signal));
}

// Returns the Response of `attempt()`, which sends a request; it may be called again after a refresh of the session.
export async function inSession(attempt) {
  // Without its cookie a request would be one of the public, which may see less.
  if (session.get() === 'open' && !cookie('csrf_access_token')) await refresh();
  const response = await attempt();
  if (response.status !== 401 || session.get() !== 'open') return response;
  return await refresh() ? attempt() : response;
}

async function fetchIt(method, url, body, headers, signal) {
  const isPlain = body === undefined || typeof body === 'string' || body instanceof Blob;
  const sent = {...headers};
  if (!isPlain) sent['Content-Type'] = 'application/json';
  const token = cookie('csrf_access_token');
  if (token && method !== 'GET') sent['X-CSRF-TOKEN'] = token;
  try {
    const response = await fetch(url, {method, headers: sent, body: isPlain ? body : toJson(body), signal});
    connection.set('open');
    return response;
  } catch (error) {
    if (error.name === 'AbortError') throw error;
    lose();
    throw new ConnectionLost();
  }
}

async function read(response) {
  try {
    return parseJson(await response.text());
  } catch (error) {
    if (error.name === 'AbortError') throw error;
    lose();
    throw new ConnectionLost();
  }
}

let refreshing = null;

// Exchange the refresh token; calls that need it at the same time share one. Returns whether the session goes on;
// throws ApiError if the server does not know.
export function refresh() {
  refreshing ||= exchange().finally(() => { refreshing = null; });
  return refreshing;
}

async function exchange() {
  const token = cookie('csrf_refresh_token');
  if (token) {
    const headers = {'X-CSRF-TOKEN': token};
    let response;
    try {
      response = await fetch(`${API}/auth/refresh`, {method: 'POST', headers});
    } catch {
      lose();
      throw new ConnectionLost();
    }
    if (response.ok) return true;
    // After a 503 the session may go on. Without its cookie the request would be one of the public.
    if (response.status !== 401 && response.status !== 403) await answerOf(response);
  }
  if (session.get() === 'open') session.set('ended');
  return false;
}

// Say that the connection is lost, until the server answers again.
export function lose() {
  if (connection.get() === 'lost') return;
  connection.set('lost');
  const attempt = async () => {
    try {
      await fetch(`${BASE}/health/live`, {cache: 'no-store'});
      connection.set('open');
    } catch {
      setTimeout(attempt, RETRY_MS);
    }
  };
  setTimeout(attempt, RETRY_MS);
}
