// The grants of a definition: {action: [role, {role, where}]}.

export const ACTIONS = ['list', 'read', 'create', 'update', 'delete'];
const EVERYBODY = ['public', 'member', 'owner'];

const roleOf = grant => (typeof grant === 'string' ? grant : grant?.role);

// The rows of the table: `roles` are the names of the installation's roles. Admins may do everything anyway.
export function grantees(access = {}, roles = []) {
  const named = Object.values(access).flat().map(roleOf).filter(role => typeof role === 'string');
  return [...new Set([...EVERYBODY, ...roles, ...named])].filter(role => role !== 'admin' || named.includes('admin'));
}

// The rules of a role for an action: null for one that grants all records.
export function rulesOf(access = {}, action, role) {
  const grants = (access[action] ?? []).filter(grant => roleOf(grant) === role);
  return grants.map(grant => (typeof grant === 'string' ? null : grant.where));
}

// Give a role an action with these rules: [] takes it away, [null] grants all records.
export function withRules(access = {}, action, role, rules) {
  const grants = rules.map(where => (where ? {role, where} : role));
  const others = access[action] ?? [];
  const first = others.findIndex(grant => roleOf(grant) === role);
  const kept = others.filter(grant => roleOf(grant) !== role);
  kept.splice(first < 0 ? kept.length : first, 0, ...grants);
  const changed = {...access, [action]: kept};
  if (!kept.length) delete changed[action];
  return changed;
}
