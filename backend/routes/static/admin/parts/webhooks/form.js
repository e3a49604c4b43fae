// The form of a webhook. It is saved like a record, so that nobody's change is lost.
import {html} from '../html.js';
import {useRoles} from '../accounts/roles.js';
import {CheckList} from '../check_list.js';
import {Checkbox, problemsAt, TextInput} from '../forms.js';
import {RecordForm} from '../record/form.js';
import {Link} from '../router.js';
import {may, person} from '../session.js';
import {AccountInput, mayChooseAccount} from './account.js';

const ACTIONS = ['create', 'delete', 'update'].map(name => ({name}));
const FIELDS = [
  {name: 'name', type: 'string', default: ''},
  {name: 'url', type: 'string', default: ''},
  {name: 'resources', type: 'list', default: []},
  {name: 'actions', type: 'list', default: ACTIONS.map(({name}) => name)},
  {name: 'roles', type: 'list', default: []},
  {name: 'created_by', type: 'uuid', default: ''},
  {name: 'with_data', type: 'boolean', default: false},
  {name: 'active', type: 'boolean', default: true},
].map(field => ({nullable: false, readable: true, options: {of: 'string'}, ...field}));
const WEBHOOKS = {name: 'webhooks', fields: FIELDS, relations: []};

// `webhook` is null for a new one. onSaved gets {record, etag}; a new one has its secret.
export function WebhookForm({webhook, etag, onSaved}) {
  const hidden = [!webhook && 'active', !mayChooseAccount() && 'created_by'];
  const settable = FIELDS.filter(({name}) => !hidden.includes(name));
  return html`<${RecordForm} resource=${WEBHOOKS} record=${webhook} ...${{etag, settable, onSaved}}
    Inputs=${Inputs} />`;
}

function Inputs({record, drafts, problems, onInput}) {
  const text = name => ({value: drafts[name], problems: problems[name], onInput: draft => onInput(name, draft)});
  const choice = name => ({value: drafts[name].values, problems: problemsAt(problems, name),
    onInput: values => onInput(name, {values, pending: ''})});
  const flag = name => ({checked: drafts[name] === 'true', onInput: isOn => onInput(name, String(isOn))});
  return html`<${TextInput} label="Name" maxlength="100" ...${text('name')} />
    <${TextInput} label="URL" type="url" placeholder="https://…" spellcheck=${false} ...${text('url')}
      hint="Larder sends a POST to it for each change." />
    <${Resources} ...${choice('resources')} />
    <${CheckList} legend="Actions" options=${ACTIONS} ...${choice('actions')} />
    <${Roles} ...${choice('roles')} />
    ${mayChooseAccount() && html`<${AccountInput} present=${record?.created_by} ...${text('created_by')} />`}
    <${Checkbox} label="Send the record, too, with the fields that these roles may read" ...${flag('with_data')} />
    ${record && html`<${Checkbox} label="Active" ...${flag('active')} />`}`;
}

function Resources({value, problems, onInput}) {
  const listed = person.get().schema.resources.filter(({feed}) => feed);
  const gone = value.filter(name => !listed.some(each => each.name === name)).map(name => ({name}));
  const options = [...listed.map(({name, description}) => ({name, description})), ...gone];
  return html`<${CheckList} legend="Resources" options=${options} value=${value} problems=${problems}
    onInput=${onInput} hint=${options.length ? 'Those whose definition has a feed.' : html`<${WithoutFeeds} />`} />`;
}

function WithoutFeeds() {
  return html`No resource that you may list has a feed, so there are no changes to send. ${may('resources:write')
    ? html`Open a <${Link} to="/admin/resources">definition<//>, and check “List changes of records in the feed”.`
    : 'Ask somebody who defines resources for “feed: true” in a definition.'}`;
}

function Roles({value, problems, onInput}) {
  const mine = person.get().user.roles;
  const options = useRoles().filter(({name}) => mine.includes('admin') || mine.includes(name) || value.includes(name));
  return html`<${CheckList} legend="Roles" options=${options} value=${value} problems=${problems} onInput=${onInput}
    hint="The webhook sends the changes that these roles may read, as long as its account has them." />`;
}
