// The page at /docs: signs in, and shows the OpenAPI document of the caller. The tokens are kept for this tab only, not
// in cookies, which the browser would also send for other pages and programs on this host.
const base = new URL('..', document.currentScript.src).pathname;
const header = document.querySelector('header');
const form = header.querySelector('form');
const account = header.querySelector('#account');
const status = header.querySelector('[role=status]');
const MARGIN_MS = 30_000;  // a token is refreshed this long before it expires

let session = JSON.parse(sessionStorage.getItem('session'));
let refreshing = null;

function keep(tokens) {
  session = tokens && {...tokens, expires: Date.now() + tokens.expires_in * 1000};
  if (session) sessionStorage.setItem('session', JSON.stringify(session));
  else sessionStorage.removeItem('session');
}

async function post(path, token, body) {
  const headers = token ? {Authorization: `Bearer ${token}`} : {'Content-Type': 'application/json'};
  const options = {method: 'POST', credentials: 'omit', headers, body: body && JSON.stringify(body)};
  const response = await fetch(`${base}api/v1/auth/${path}`, options);
  const answer = await response.json();
  return answer.success ? answer.data : Promise.reject(answer.error);
}

async function refresh() {
  try {
    keep(await post('refresh', session.refresh_token));
  } catch (error) {
    if (error.code !== 'UNAUTHENTICATED') return;  // it may work at the next call
    keep(null);
    update('Your session has ended. Sign in again.');
  } finally {
    refreshing = null;
  }
}

// Every request of this page has the token, unless an API key was given with the button Authorize.
async function authorized(request) {
  if (session && Date.now() > session.expires - MARGIN_MS) await (refreshing ??= refresh());
  if (session) request.headers.Authorization ??= `Bearer ${session.access_token}`;
  request.credentials = 'omit';
  return request;
}

function update(text = '') {
  form.hidden = Boolean(session);
  account.hidden = !session;
  account.querySelector('b').textContent = session ? session.user.email : '';
  status.textContent = text;
}

// A token that is no longer valid would get the document for everybody, as if the caller could see no more.
async function verify() {
  const response = await fetch(`${base}api/v1/auth/me`, await authorized({headers: {}}));
  if (response.status === 401) keep(null);
}

async function show() {
  if (session) await verify();
  const request = await authorized({headers: {}});
  const response = await fetch(`${base}openapi.json`, request);
  const main = document.querySelector('main');
  main.replaceChildren();
  update();
  if (response.status === 401) return update('Sign in to see the documentation.');
  const spec = await response.json();
  if (!response.ok) return update(spec.error.message);
  delete spec.servers;  // calls reach the host that the page comes from
  if (base !== '/') spec.servers = [{url: base.slice(0, -1)}];
  SwaggerUIBundle({
    spec: adapt(spec), domNode: main.appendChild(document.createElement('div')), deepLinking: true, validatorUrl: null,
    requestInterceptor: authorized,
  });
}

// What Swagger UI would fill into its forms makes calls fail that a reader has not changed.
function adapt(spec) {
  const operations = Object.values(spec.paths).flatMap(path => Object.values(path));
  for (const parameter of operations.flatMap(operation => operation.parameters ?? [])) {
    const schema = parameter.schema ?? {};
    delete schema.contentMediaType;  // it would ask for a file in place of a condition
    if (parameter.style === 'form' && schema.type === 'object') parameter.example = {};
  }
  for (const schema of Object.values(spec.components?.schemas ?? {})) {
    for (const property of Object.values(schema.properties ?? {})) {
      if (property.format === 'uuid' && property.type?.includes?.('null')) property.example = null;  // no such record
    }
  }
  return spec;
}

async function attempt(button, action) {
  button.disabled = true;
  update('…');
  try {
    await action();
    await show();
  } catch (error) {
    update(error.code ? error.message : 'The server cannot be reached. Try again.');
  }
  button.disabled = false;
}

form.addEventListener('submit', event => {
  event.preventDefault();
  attempt(form.querySelector('button'), async () => {
    keep(await post('login', null, {email: form.elements.email.value, password: form.elements.password.value}));
    form.reset();
  });
});

account.querySelector('button').addEventListener('click', event => {
  attempt(event.target, async () => {
    const {headers} = await authorized({headers: {}});
    const token = session && session.access_token;
    keep(null);
    if (token) await post('logout', token).catch(() => null);  // it has ended already
  });
});

document.documentElement.classList.toggle('dark-mode', matchMedia('(prefers-color-scheme: dark)').matches);
attempt(form.querySelector('button'), async () => null);
