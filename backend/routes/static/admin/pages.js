// Which URL shows which screen. A screen is read when it is first shown.
import {HAS_ADMIN} from './parts/place.js';

// [path, screen, options]: `:name` is one part of the path; `isAlone` is a page without the menu.
// `isOfMail` is one that needs no session.
const ADMIN_PAGES = [
  ['/admin', 'home'],
  ['/admin/sign-in', 'sign_in', {isAlone: true}],
  ['/admin/register', 'register', {isAlone: true}],
  ['/admin/forgot', 'forgot', {isAlone: true}],
  ['/admin/account', 'account', {needsUser: true}],
  ['/admin/records/:resource', 'records'],
  ['/admin/records/:resource/new', 'record'],
  ['/admin/records/:resource/import', 'import'],
  ['/admin/records/:resource/:id', 'record'],
  ['/admin/records/:resource/:id/history', 'history'],
  ['/admin/resources', 'resources', {needsUser: true}],
  ['/admin/resources/new', 'definition', {needsUser: true}],
  ['/admin/resources/:name', 'definition', {needsUser: true}],
  ['/admin/resources/:name/versions', 'versions', {needsUser: true}],
  ['/admin/users', 'users', {needsUser: true}],
  ['/admin/users/new', 'user', {needsUser: true}],
  ['/admin/users/:id', 'user', {needsUser: true}],
  ['/admin/invitations', 'invitations', {needsUser: true}],
  ['/admin/roles', 'roles', {needsUser: true}],
  ['/admin/roles/new', 'role', {needsUser: true}],
  ['/admin/roles/:name', 'role', {needsUser: true}],
  ['/admin/webhooks', 'webhooks', {needsUser: true}],
  ['/admin/webhooks/new', 'webhook', {needsUser: true}],
  ['/admin/webhooks/:id', 'webhook', {needsUser: true}],
  ['/admin/webhooks/:id/deliveries', 'deliveries', {needsUser: true}],
  ['/admin/audit', 'audit', {needsUser: true}],
  ['/admin/backups', 'backups', {needsUser: true}],
  ['/admin/jobs', 'jobs', {needsUser: true}],
  ['/admin/mails', 'mails', {needsUser: true}],
  ['/admin/health', 'health', {needsUser: true}],
  ['/admin/figures', 'figures', {needsUser: true}],
];
// What mails link to works without the admin page, too.
const MAIL_PAGES = [
  ['/account/reset', 'reset', {isAlone: true, isOfMail: true}],
  ['/account/verification', 'verification', {isAlone: true, isOfMail: true}],
  ['/account/invitation', 'invitation', {isAlone: true, isOfMail: true}],
];
const PAGES = [...(HAS_ADMIN ? ADMIN_PAGES : []), ...MAIL_PAGES].map(([path, screen, options]) => (
  {parts: path.split('/'), load: () => import(`./screens/${screen}.js`), ...options}));
const MISSING = {load: () => import('./screens/missing.js')};

// The menu of the system. An entry is shown to people with one of its permissions.
export const SYSTEM = [
  {path: '/admin/resources', title: 'Resources', permissions: ['resources:write']},
  {path: '/admin/users', title: 'Users', permissions: ['users:read']},
  {path: '/admin/invitations', title: 'Invitations', permissions: ['users:read']},
  {path: '/admin/roles', title: 'Roles', permissions: ['users:read', 'roles:write']},
  {path: '/admin/webhooks', title: 'Webhooks', permissions: ['webhooks:write']},
  {path: '/admin/audit', title: 'Audit', permissions: ['audit:read']},
  {path: '/admin/backups', title: 'Backups', permissions: ['backups:write']},
  {path: '/admin/jobs', title: 'Jobs', permissions: ['system:read']},
  {path: '/admin/mails', title: 'Mails', permissions: ['users:read']},
  {path: '/admin/health', title: 'Health', permissions: ['system:read']},
  {path: '/admin/figures', title: 'Figures', permissions: ['system:read']},
];

// Returns {page, parameters} of a path.
export function findPage(path) {
  const parts = path.replace(/\/+$/, '').split('/');
  for (const page of PAGES) {
    const parameters = match(page.parts, parts);
    if (parameters) return {page, parameters};
  }
  return {page: MISSING, parameters: {}};
}

function match(pattern, parts) {
  if (pattern.length !== parts.length) return null;
  const found = {};
  for (const [index, part] of pattern.entries()) {
    if (part.startsWith(':')) found[part.slice(1)] = parts[index];
    else if (part !== parts[index]) return null;
  }
  return found;
}
