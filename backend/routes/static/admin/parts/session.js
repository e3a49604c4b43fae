// Who is signed in, and what they may see and do.
import {call, cookie, refresh, session} from './api.js';
import {makeStore} from './store.js';

// {user, schema}: `user` is null for somebody who is not signed in; `schema` is that of GET /schema.
export const person = makeStore({user: null, schema: null});

// Read everything anew: at the start, after a sign-in, and when definitions or roles have changed.
export async function load() {
  if (cookie('csrf_access_token') || (cookie('csrf_refresh_token') && await refresh())) session.set('open');
  const [user, schema] = await Promise.all([readUser(), readSchema()]);
  person.set({user, schema});
}

async function readUser() {
  if (session.get() !== 'open') return null;
  try {
    return (await call('GET', '/auth/me')).data;
  } catch (error) {
    if (session.get() !== 'ended' || person.get().user) throw error;
    session.set('none'); // it ended before the page was opened: the cookies are left of it
    return null;
  }
}

async function readSchema() {
  try {
    return (await call('GET', '/schema')).data;
  } catch (error) {
    if (error.status === 401) return {resources: [], permissions: []}; // only for people who are signed in
    throw error;
  }
}

export async function signIn(email, password) {
  await call('POST', '/auth/login', {body: {email, password, cookies: true}});
  session.set('open');
  await load();
}

export async function signOut() {
  try {
    await call('POST', '/auth/logout');
  } catch (error) {
    if (error.status !== 401) throw error; // the session has ended already
  }
  session.set('none');
  await load();
}

export function may(permission) {
  return person.get().schema?.permissions.includes(permission) ?? false;
}

// The name of a resource or a field for people: "birth_day" becomes "Birth day".
export function titleOf(name) {
  const words = name.replaceAll('_', ' ');
  return words[0].toUpperCase() + words.slice(1);
}

// The part of the schema for a resource, or undefined if this person may not list it.
export function resourceNamed(name) {
  return person.get().schema?.resources.find(resource => resource.name === name);
}
