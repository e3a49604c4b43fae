// The account that a webhook acts for: the person who is signed in, or a service account of which they have all roles.
import {html} from '../html.js';
import {mayChange} from '../accounts/roles.js';
import {Select} from '../forms.js';
import {useLabels} from '../labels.js';
import {useRead} from '../reading.js';
import {may, person} from '../session.js';

const MOST = 100; // service accounts, by name

export function mayChooseAccount() {
  return may('users:read') && may('users:write');
}

// `present` is the account of a webhook, undefined for a new one.
export function AccountInput({present, ...input}) {
  const labelOf = useLabels('users', [present]);
  const {data} = useRead('/users', {kind: 'service', sort: 'name', per_page: MOST});
  const me = person.get().user.id;
  const services = (data ?? []).filter(mayChange).map(({id, name}) => [id, name]);
  const options = [[present === undefined ? '' : me, 'You'], ...services];
  if (present === null) options.unshift(['', 'Nobody: the account is deleted']);
  else if (present && !options.some(([id]) => id === present)) options.push([present, labelOf(present)]);
  return html`<${Select} label="Acts for" name="created_by" options=${options} ...${input}
    hint="If you leave, your webhooks stop. A service account stays; it needs the roles that you choose." />`;
}
