// Which columns a list has: the browser keeps the choice of a person for each resource.
import {html, useState} from '../html.js';
import {Dialog} from '../dialogs.js';
import {Checkbox} from '../forms.js';
import {BASE} from '../place.js';
import {titleOf} from '../session.js';

const MOST_AT_FIRST = 8;

// Returns [columns, choose]: the fields to show, the label first, and a function that takes their names.
export function useColumns(resource) {
  const key = `larder${BASE}/columns/${resource.name}`;
  const [names, setNames] = useState(() => readChoice(key));
  const choose = next => {
    setNames(next);
    keepChoice(key, next);
  };
  return [columnsOf(resource, names), choose];
}

function columnsOf(resource, names) {
  const readable = resource.fields.filter(({readable: isReadable}) => isReadable);
  const label = readable.filter(({name}) => name === (resource.label ?? 'id'));
  const others = readable.filter(field => !label.includes(field));
  const chosen = names
    ? others.filter(({name}) => names.includes(name))
    : others.filter(({system}) => !system).slice(0, MOST_AT_FIRST - label.length);
  return [...label, ...chosen];
}

function readChoice(key) {
  try {
    const names = JSON.parse(localStorage.getItem(key));
    return Array.isArray(names) ? names : null;
  } catch { // no storage, or another program wrote there
    return null;
  }
}

function keepChoice(key, names) {
  try {
    if (names) localStorage.setItem(key, JSON.stringify(names));
    else localStorage.removeItem(key);
  } catch { /* the choice lasts as long as the page */ }
}

export function ColumnsDialog({resource, columns, choose, onClose}) {
  const shown = columns.map(({name}) => name);
  const label = columns[0].name;
  const toggle = (name, isShown) => choose(isShown ? [...shown, name] : shown.filter(each => each !== name));
  const readable = resource.fields.filter(field => field.readable && field.name !== label);
  return html`<${Dialog} title="Columns" onClose=${onClose}>
    <${Checkbox} label=${titleOf(label)} checked disabled onInput=${() => {}} />
    ${readable.map(({name}) => html`<${Checkbox} key=${name} label=${titleOf(name)} checked=${shown.includes(name)}
      onInput=${isShown => toggle(name, isShown)} />`)}
    <div class="actions">
      <button type="button" onClick=${() => choose(null)}>Reset</button>
      <button type="button" class="main" onClick=${onClose}>Close</button>
    </div>
  <//>`;
}
