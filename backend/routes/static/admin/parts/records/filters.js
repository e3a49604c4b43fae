// The filters of a list: chips that say what is shown, and the dialog to add or change one.
import {html, useRef, useState} from '../html.js';
import {Dialog} from '../dialogs.js';
import {Labelled, Select} from '../forms.js';
import {FilterInput, takesMany} from '../../fields/filter.js';
import {FilterValue} from './filter_value.js';
import {choicesOf, fieldOf, isOf, pathTitle} from './operators.js';
import {changeList, keyOf} from './query.js';

// `problems` are those that the API has with parameters of the query. `children` are beside the button to add one.
export function Filters({resource, shown, problems, children}) {
  const [edited, setEdited] = useState(null);
  const adder = useRef(null);
  const remove = filter => {
    changeList({[filter.key]: null});
    adder.current?.focus(); // the chip, which had the focus, is gone
  };
  const fields = filterableFields(resource);
  const others = Object.entries(problems).filter(([name]) => !shown.filters.some(({key}) => isAbout(name, key)));
  return html`
    <div class="row">
      ${children}
      ${fields.length > 0 && html`<button type="button" ref=${adder} onClick=${() => setEdited({})}>
        Add filter</button>`}
      ${shown.filters.length > 0 && html`<button type="button"
        onClick=${() => clearFilters(shown)}>Clear filters</button>`}
    </div>
    ${shown.filters.length > 0 && html`<ul class="chips" aria-label="Filters">${shown.filters.map(filter => html`
      <${Chip} key=${filter.key} resource=${resource} filter=${filter} onEdit=${() => setEdited(filter)}
        onRemove=${() => remove(filter)} problems=${textsAbout(problems, filter.key)} />`)}</ul>`}
    ${others.length > 0 && html`<ul class="problems">${others.map(([name, texts]) => html`
      <li key=${name}><code>${name}</code>: ${texts.join(' ')}</li>`)}</ul>`}
    ${edited && html`<${FilterDialog} fields=${fields} filter=${edited} onClose=${() => setEdited(null)} />`}`;
}

export function clearFilters(shown) {
  changeList(Object.fromEntries([...shown.filters.map(({key}) => [key, null]), ['q', null]]));
}

function filterableFields(resource) {
  return [...resource.fields, ...resource.paths].filter(({operators}) => operators.length);
}

function isAbout(name, key) {
  return name === key || name.startsWith(`${key}.`);
}

function textsAbout(problems, key) {
  return Object.entries(problems).filter(([name]) => isAbout(name, key)).flatMap(([, texts]) => texts);
}

function Chip({resource, filter, problems, onEdit, onRemove}) {
  const field = fieldOf(resource, filter);
  const choice = field && choicesOf(field).find(each => isOf(each, filter));
  const [subject, verb] = choice ? [pathTitle(field.name), choice.words] : [filter.key, 'is'];
  const text = html`${subject} ${verb}${!choice?.value && html` <strong><${FilterValue} field=${field}
    values=${filter.values} /></strong>`}`;
  return html`<li class=${problems.length ? 'wrong' : ''}>
    ${choice ? html`<button type="button" class="plain" onClick=${onEdit}>${text}</button>`
      : html`<span>${text}</span>`}
    ${problems.length > 0 && html`<span role="alert">${problems.join(' ')}</span>`}
    <button type="button" class="plain" aria-label=${`Remove the filter: ${subject} ${verb}`}
      onClick=${onRemove}>×</button>
  </li>`;
}

// `filter` is the one to change; {} for a new one.
function FilterDialog({fields, filter, onClose}) {
  const {field, chooseField, choices, choice, chooseOperator, values, setValues} = useDraft(fields, filter);
  const [problems, setProblems] = useState([]);
  const isOfMany = takesMany(choice.operator);
  const pending = useRef('');
  const apply = event => {
    event.preventDefault();
    const typed = isOfMany ? [...values, pending.current] : values; // also what is not added yet
    const given = choice.value ? [choice.value] : [...new Set(typed)].filter(value => value !== '');
    if (!given.length) {
      setProblems([isOfMany ? 'Add a value.' : 'Enter a value.']);
      return;
    }
    changeList({...(filter.key && {[filter.key]: null}), [keyOf(field.name, choice.operator)]: given});
    onClose();
  };
  return html`<${Dialog} title=${filter.key ? 'Change the filter' : 'Add filter'} onClose=${onClose}>
    <form onSubmit=${apply} noValidate>
      <${Select} label="Field" value=${field.name} onInput=${chooseField}
        options=${fields.map(({name}) => [name, pathTitle(name)])} />
      <${Select} label="Condition" value=${String(choices.indexOf(choice))} onInput=${chooseOperator}
        options=${choices.map(({words}, index) => [String(index), words])} />
      ${!choice.value && html`<${Labelled} label=${isOfMany ? 'Values' : 'Value'} problems=${problems}>${
        attributes => html`
        <${FilterInput} key=${`${field.name} ${isOfMany}`} field=${field} operator=${choice.operator}
          value=${isOfMany ? values : values[0] ?? ''} onInput=${value => setValues([value].flat())}
          onPending=${text => { pending.current = text; }} attributes=${attributes} />`}<//>`}
      <div class="actions">
        <button type="button" onClick=${onClose}>Cancel</button>
        <button class="main">Apply</button>
      </div>
    </form>
  <//>`;
}

// What is chosen and typed in the dialog so far.
function useDraft(fields, filter) {
  const [name, setName] = useState(filter.name ?? fields[0].name);
  const [values, setValues] = useState(filter.values ?? []);
  const field = fields.find(each => each.name === name);
  const choices = choicesOf(field);
  const [chosen, setChosen] = useState(() => Math.max(choices.findIndex(choice => isOf(choice, filter)), 0));
  const choice = choices[chosen];
  const chooseField = next => {
    setName(next);
    setChosen(0);
    setValues([]);
  };
  const chooseOperator = index => {
    if (takesMany(choices[index].operator) !== takesMany(choice.operator)) setValues(values.slice(0, 1));
    setChosen(Number(index));
  };
  return {field, chooseField, choices, choice, chooseOperator, values, setValues};
}
