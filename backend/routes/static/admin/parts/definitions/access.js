// Who may do what: a table of roles by actions. A grant can have a rule, which limits it to some records.
import {html, useState} from '../html.js';
import {Dialog} from '../dialogs.js';
import {toJson} from '../json.js';
import {titleOf} from '../session.js';
import {withOption} from './draft.js';
import {Problems} from './fields.js';
import {ACTIONS, grantees, rulesOf, withRules} from './grants.js';
import {YamlInput} from './inputs.js';

const NOTES = new Map([
  ['public', 'everybody, also without signing in'], ['member', 'every user'], ['owner', 'who created the record'],
]);

export function Access({shown}) {
  const {draft, roles, change, problemsAt} = shown;
  const [edited, setEdited] = useState(null); // {action, role}
  const set = (action, role, rules) => change(
    withOption(draft, 'access', withRules(draft.access, action, role, rules)));
  return html`<section aria-labelledby="access"><h2 id="access">Access</h2>
    <p class="hint">Admins may do everything. For everybody else, one grant that fits is enough.</p>
    <div class="scroll" tabindex="0"><table class="access">
      <thead><tr>${['role', ...ACTIONS].map(title => html`<th scope="col">${titleOf(title)}</th>`)}</tr></thead>
      <tbody>${grantees(draft.access, roles).map(role => html`<tr key=${role}>
        <th scope="row">${role}${NOTES.has(role) && html`<p class="hint">${NOTES.get(role)}</p>`}</th>
        ${ACTIONS.map(action => html`<td key=${action}><${Grant} action=${action} role=${role}
          rules=${rulesOf(draft.access, action, role)} onInput=${rules => set(action, role, rules)}
          onEdit=${() => setEdited({action, role})} /></td>`)}</tr>`)}</tbody>
    </table></div>
    <${Problems} texts=${problemsAt('access')} />
    ${edited && html`<${RuleDialog} ...${edited} rules=${rulesOf(draft.access, edited.action, edited.role)}
      onClose=${() => setEdited(null)} onSet=${rules => {
        set(edited.action, edited.role, rules);
        setEdited(null);
      }} />`}
  </section>`;
}

function Grant({action, role, rules, onInput, onEdit}) {
  const count = rules.filter(Boolean).length;
  const text = !count ? 'All' : rules.length === 1 ? 'Rule' : `${rules.length} rules`;
  return html`<input type="checkbox" aria-label=${`${role} may ${action}`} checked=${rules.length > 0}
      onChange=${event => onInput(event.target.checked ? [null] : [])} />
    ${rules.length > 0 && html` <button type="button" class="link" title=${count ? toJson(rules) : undefined}
      aria-label=${`${text}: rule of ${role} for ${action}`} onClick=${onEdit}>${text}</button>`}`;
}

function RuleDialog({action, role, rules: start, onSet, onClose}) {
  const [rules, setRules] = useState(start);
  const set = event => {
    event.preventDefault();
    if (!event.target.querySelector('[aria-invalid]')) onSet(rules);
  };
  return html`<${Dialog} title=${`What ${role} may ${action}`} onClose=${onClose} wide=${true}>
    <form onSubmit=${set}>
      ${rules.map((rule, index) => html`<${YamlInput} key=${index} value=${rule ?? undefined}
        label=${rules.length > 1 ? `Rule ${index + 1}` : 'Rule'}
        onInput=${value => setRules(rules.map((each, at) => (at === index ? value ?? null : each)))} />`)}
      <p class="hint">The grant is for records that meet the rule; without a rule, for all. Examples:</p>
      <pre>${'status: open\nstars: {gte: 2, lt: 5}\nassignee: $user.id        # the caller\n'
        + 'any: [{team: $user.team}, {public: true}]\nteam.members: {some: {user: $user.id}}'}</pre>
      <div class="actions"><button type="button" onClick=${onClose}>Cancel</button>
        <button class="main">Set rule</button></div>
    </form>
  <//>`;
}
