// Where somebody goes on to when they have signed in.
import {useEffect} from './html.js';
import {navigate} from './router.js';
import {person} from './session.js';
import {useStore} from './store.js';

// The page that a person wanted to see, as `?next=` of the page to sign in has it: one of this app, or the first one.
export function useOnward(query) {
  const {user} = useStore(person);
  useEffect(() => { if (user) navigate(wanted(query), {replace: true}); }, [user]);
}

function wanted(query) {
  const next = query.get('next') ?? '';
  return next.startsWith('/admin/') && !next.startsWith('/admin/sign-in') ? next : '/admin/';
}

// A path with the page that is wanted after it.
export function withNext(path, next) {
  return next && next !== '/admin/' ? `${path}?next=${encodeURIComponent(next)}` : path;
}
