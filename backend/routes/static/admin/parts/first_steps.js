// What to do next with a new installation: shown to people who define resources, until all of it is done.
import {html, useEffect, useState} from './html.js';
import {call} from './api.js';
import {Link} from './router.js';
import {may} from './session.js';

async function hasMore(path, count = 0, query = {}) {
  return (await call('GET', path, {query})).data.length > count;
}

const STEPS = [
  {
    title: 'Create a resource', to: '/admin/resources/new', permissions: ['resources:read', 'resources:write'],
    text: 'A resource is a kind of record, such as books: its fields, and who may do what.',
    isDone: () => hasMore('/resources'),
  },
  {
    title: 'Invite people', to: '/admin/invitations', permissions: ['users:read', 'users:write'],
    text: 'They get a mail with a link, and choose a password.',
    isDone: async () => await hasMore('/users', 1, {per_page: 2, count: false}) || hasMore('/invitations'),
  },
  {
    title: 'Set up backups', to: '/admin/backups', permissions: ['backups:write'],
    text: 'Make the first one, and choose how many are kept.',
    isDone: () => hasMore('/backups'),
  },
];

export function FirstSteps() {
  const [done, setDone] = useState(null); // by title
  const steps = STEPS.filter(({permissions}) => permissions.every(may));
  useEffect(() => {
    if (!may('resources:write')) return;
    Promise.all(steps.map(async ({title, isDone}) => [title, await isDone()])).then(
      all => setDone(Object.fromEntries(all)), () => {}); // without an answer there is nothing to say
  }, []);
  if (!done || steps.every(({title}) => done[title])) return null;
  return html`<section class="card" aria-labelledby="next"><h2 id="next">What to do next</h2>
    <ol>${steps.map(({title, to, text}) => html`<li key=${title}><${Link} to=${to}>${title}<//>${' '}
      ${done[title] ? html`<span class="right">✓ done</span>` : html`<span class="quiet">not done yet</span>`}
      <p class="hint">${text}</p></li>`)}</ol></section>`;
}
