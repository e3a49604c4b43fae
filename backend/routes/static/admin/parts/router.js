// Which page is shown: the URL says it, so that links, reload, back and forward work.
import {html, useLayoutEffect} from './html.js';
import {BASE} from './place.js';
import {makeStore} from './store.js';

const guards = new Set(); // functions that return whether the page may be left

export const place = makeStore(current());
let confirmLeaving = async () => true;

function current() {
  const path = location.pathname.slice(BASE.length); // encoded, as the API needs its parts in paths
  return {path, query: new URLSearchParams(location.search), url: location.href, state: history.state};
}

export function setLeavingDialog(ask) {
  confirmLeaving = ask;
}

export async function mayLeave() {
  for (const guard of guards) {
    if (!guard() && !await confirmLeaving()) return false;
  }
  return true;
}

// Show another page. `path` begins with '/' and is below the base path; with `replace` the former one is forgotten.
export async function navigate(path, {replace = false, force = false} = {}) {
  if (!force && !await mayLeave()) return;
  history[replace ? 'replaceState' : 'pushState'](null, '', `${BASE}${path}`);
  place.set(current());
}

// Change the query of this page: {name: value or list}; null removes it. Nothing is asked, because the page stays.
// The browser keeps `state` with the URL, also over a reload; it is `place.state` then.
export function setQuery(changes, {replace = false, state = null} = {}) {
  const query = new URLSearchParams(location.search);
  for (const [name, value] of Object.entries(changes)) {
    query.delete(name);
    for (const each of Array.isArray(value) ? value : [value]) {
      if (each !== null && each !== undefined && each !== '') query.append(name, each);
    }
  }
  const text = query.toString();
  history[replace ? 'replaceState' : 'pushState'](state, '', `${location.pathname}${text ? `?${text}` : ''}`);
  place.set(current());
}

let shownUrl = location.href;
place.subscribe(next => { shownUrl = next.url; });
addEventListener('popstate', async () => {
  const wanted = location.href;
  if (samePage(wanted, shownUrl) || await mayLeave()) {
    place.set(current());
  } else {
    history.pushState(null, '', shownUrl); // the page stays, so its URL does
  }
});

function samePage(one, other) {
  return one.split(/[?#]/)[0] === other.split(/[?#]/)[0];
}

addEventListener('beforeunload', event => {
  if ([...guards].some(guard => !guard())) event.preventDefault();
});

// Ask before this page is left while `isChanged`.
export function useLeavingGuard(isChanged) {
  useLayoutEffect(() => {
    const guard = () => !isChanged;
    guards.add(guard);
    return () => guards.delete(guard);
  }, [isChanged]);
}

// A link to a page of this app: <${Link} to="/admin/users">Users<//>
export function Link({to, children, ...rest}) {
  const follow = event => {
    if (event.button || event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
    event.preventDefault();
    navigate(to);
  };
  return html`<a href=${`${BASE}${to}`} onClick=${follow} ...${rest}>${children}</a>`;
}
