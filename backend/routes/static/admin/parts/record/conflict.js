// A record that was changed while somebody typed: what is stored now beside what was typed, to choose from.
import {html, useState} from '../html.js';
import {Dialog} from '../dialogs.js';
import {typeOf, wholeOf} from '../../fields/index.js';
import {titleOf} from '../session.js';
import {draftsOf, isSame} from './drafts.js';

// `former` are the drafts before anything was typed. onChoose gets the drafts of the choice.
export function Conflict({fields, former, drafts, theirs, onChoose, onClose}) {
  const stored = draftsOf(fields, theirs);
  const different = fields.filter(({name}) => !isSame(stored[name], drafts[name]));
  const [kept, setKept] = useState(() => new Set(
    different.map(({name}) => name).filter(name => !isSame(former[name], drafts[name]))));
  const keep = (name, isKept) => {
    const next = new Set(kept);
    next[isKept ? 'add' : 'delete'](name);
    setKept(next);
  };
  const choose = event => {
    event.preventDefault();
    onChoose({...drafts, ...stored, ...Object.fromEntries([...kept].map(name => [name, drafts[name]]))});
  };
  return html`<${Dialog} title="Changed meanwhile" onClose=${onClose} wide>
    <form onSubmit=${choose}>
      <p>Somebody has saved a change since you opened this page. Choose what to keep.</p>
      <div class="scroll" tabindex="0"><table class="compared">
        <thead><tr><th scope="col">Field</th><th scope="col">Theirs</th><th scope="col">Yours</th></tr></thead>
        <tbody>${different.map(field => html`<${Row} key=${field.name} field=${field} theirs=${theirs}
          yours=${{[field.name]: valueOf(field, drafts)}} isKept=${kept.has(field.name)} keep=${keep} />`)}</tbody>
      </table></div>
      <div class="actions">
        <button type="button" onClick=${onClose}>Cancel</button>
        <button class="main">Save</button>
      </div>
    </form>
  <//>`;
}

function valueOf(field, drafts) {
  return typeOf(field).parse(drafts[field.name], field);
}

function Row({field, theirs, yours, isKept, keep}) {
  const choice = (text, record, checked, isYours) => html`<td>
    <label class="check"><input type="radio" name=${`choice-${field.name}`} checked=${checked}
      aria-label=${`${text}: ${titleOf(field.name)}`} onChange=${() => keep(field.name, isYours)} /> ${text}</label>
    ${wholeOf(field)(record[field.name], field, record)}</td>`;
  return html`<tr><th scope="row">${titleOf(field.name)}</th>
    ${choice('Theirs', theirs, !isKept, false)}${choice('Yours', yours, isKept, true)}</tr>`;
}
