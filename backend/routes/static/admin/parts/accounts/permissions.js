// What each permission allows: the words of the API.
export const PERMISSIONS = {
  'users:read': 'list users, roles and invitations, and read profile fields',
  'users:write': 'create, change and delete users, and invite people; give and take the roles one has',
  'roles:write': 'create, change and delete roles whose permissions one holds',
  'resources:read': 'read definitions, their versions and profile fields',
  'resources:write': 'plan, create, change and drop definitions, and change profile fields',
  'api_keys:write': "create, list and revoke one's own API keys",
  'webhooks:write': "create, list, change and delete one's own webhooks",
  'audit:read': 'read the audit trail',
  'backups:write': 'create, list and verify backups',
  'backups:download': 'download backups, which contain everything',
  'system:read': 'read the checks of the installation, background jobs and figures of requests',
  'system:write': 'run background jobs',
  'records:read': 'list and read all records of all resources, except fields that only some roles may read',
  'records:write': 'create, change and delete all records of all resources, except fields that only some roles may set',
};
