// The fields of a definition: a table with a row each, below which their options can be opened.
import {Fragment, html, useLayoutEffect, useRef, useState} from '../html.js';
import {notify} from '../notices.js';
import {DefaultInput} from './default_input.js';
import {addField, formerNames, moveField, removeField, renameField, setField, withOption} from './draft.js';
import {FieldOptions} from './field_options.js';
import {missingOptions, optionsOf, withType} from './types.js';

// `shown` has what all parts of the form share: {draft, stored, types, resources, roles, problemsAt, change}.
export function Fields({shown}) {
  const {draft, change} = shown;
  const [opened, setOpened] = useState({}); // by name
  const focused = useRef(null); // the id of an element, when the row has its new place
  useLayoutEffect(() => {
    if (focused.current) document.getElementById(focused.current)?.focus();
    focused.current = null;
  });
  const names = Object.keys(draft.fields ?? {});
  const move = (name, places) => {
    const index = names.indexOf(name) + places;
    const isAtEnd = index === 0 || index === names.length - 1;
    focused.current = `field-${index}-${(places < 0) === isAtEnd ? 'down' : 'up'}`;
    change(moveField(draft, name, places));
  };
  const remove = name => {
    focused.current = 'new-field';
    change(removeField(draft, name));
    notify(`The field ${name} is removed from the form. Nothing is lost before you apply.`);
  };
  const rename = (name, to) => {
    change(renameField(draft, name, to, shown.stored));
    setOpened({...opened, [to]: opened[name]});
  };
  return html`<section aria-labelledby="fields"><h2 id="fields">Fields</h2>
    ${names.length > 0 && html`<div class="scroll" tabindex="0"><table class="fields">
      <thead><tr>${['Name', 'Type', 'Required', 'Unique', 'Index', 'Default', 'Options', 'Order'].map(title => html`
        <th scope="col">${title}</th>`)}</tr></thead>
      <tbody>${names.map((name, index) => html`<${FieldRow} key=${index} shown=${shown} name=${name} index=${index}
        isLast=${index === names.length - 1} onRename=${to => rename(name, to)} onMove=${places => move(name, places)}
        onRemove=${() => remove(name)} isOpen=${opened[name] === true}
        onOpen=${isOpen => setOpened({...opened, [name]: isOpen})} />`)}</tbody>
    </table></div>`}
    <${Problems} texts=${shown.problemsAt('fields', {exactly: true})} />
    <${NewField} names=${names} onAdd=${name => change(addField(draft, name))} />
  </section>`;
}

function FieldRow({shown, name, index, isLast, isOpen, onOpen, onRename, onMove, onRemove}) {
  const {draft, types, change, problemsAt} = shown;
  const declaration = draft.fields[name];
  const type = types[declaration.type];
  const set = (option, value) => change(setField(draft, name, withOption(declaration, option, value)));
  const setType = to => {
    const changed = withType(declaration, to, types);
    change(setField(draft, name, changed));
    if (missingOptions(changed, types[to]).length) onOpen(true);
  };
  const texts = problemsAt(`fields.${name}`);
  const options = optionsOf(type).filter(option => declaration[option] !== undefined);
  return html`<${Fragment}><tr>
      <th scope="row"><${NameInput} label=${`Name of field ${index + 1}`} name=${name} onRename=${onRename}
          names=${Object.keys(draft.fields)} isWrong=${texts.length > 0} />
        ${declaration.renamed_from && html`<p class="hint">was ${formerNames(declaration).join(', ')}</p>`}</th>
      <td><${TypeSelect} name=${name} value=${declaration.type} types=${types} onInput=${setType} /></td>
      ${['required', 'unique', 'index'].map(option => html`<td key=${option}><${Flag} name=${name} option=${option}
        schema=${type?.properties[option]} value=${declaration[option]}
        onInput=${value => set(option, value)} /></td>`)}
      <td><${DefaultInput} name=${name} declaration=${declaration} onInput=${value => (
        change(setField(draft, name, withOption(declaration, 'default', value, true))))} /></td>
      <td><button type="button" aria-expanded=${isOpen} aria-label=${`Options of ${name}`}
        onClick=${() => onOpen(!isOpen)}>Options${options.length > 0 && ` (${options.length})`}</button></td>
      <td class="moves">
        <button type="button" id=${`field-${index}-up`} aria-label=${`Move ${name} up`} disabled=${!index}
          onClick=${() => onMove(-1)}>↑</button>
        <button type="button" id=${`field-${index}-down`} aria-label=${`Move ${name} down`} disabled=${isLast}
          onClick=${() => onMove(1)}>↓</button>
        <button type="button" class="danger" aria-label=${`Remove ${name}`} title="Remove"
          onClick=${onRemove}>×</button></td>
    </tr>
    ${(isOpen || texts.length > 0) && html`<tr class="options"><td colspan="8">
      <${Problems} texts=${texts} />
      ${isOpen && html`<${FieldOptions} shown=${shown} name=${name} type=${type} />`}</td></tr>`}<//>`;
}

export function Problems({texts}) {
  return texts.length > 0 && html`<ul class="problems">${texts.map(text => html`<li>${text}</li>`)}</ul>`;
}

// "Training time" is meant as training_time.
function nameOf(typed) {
  return typed.trim().toLowerCase().replace(/[\s-]+/g, '_');
}

// A name is taken over when it is complete, so that what names the field is renamed once.
function NameInput({label, name, names, isWrong, onRename}) {
  const [problem, setProblem] = useState(null);
  const input = useRef(null);
  useLayoutEffect(() => { // also after the YAML has renamed it
    input.current.value = name;
    setProblem(null);
  }, [name]);
  const rename = event => {
    const to = nameOf(event.target.value);
    event.target.value = to;
    const isTaken = to !== name && names.includes(to);
    setProblem(!to ? 'A field has a name.' : isTaken ? `There is already a field ${to}.` : null);
    if (to && to !== name && !isTaken) onRename(to);
  };
  return html`<input ref=${input} aria-label=${label} autocomplete="off" spellcheck=${false}
      aria-invalid=${problem || isWrong ? 'true' : undefined}
      data-incomplete=${problem ? '' : undefined} onChange=${rename} />
    <${Problems} texts=${problem ? [problem] : []} />`;
}

function TypeSelect({name, value, types, onInput}) {
  const names = Object.keys(types);
  const all = names.includes(value) ? names : [String(value ?? ''), ...names]; // the YAML may have a wrong one
  return html`<select aria-label=${`Type of ${name}`} onChange=${event => onInput(event.target.value)}>
    ${all.map(each => html`<option value=${each} selected=${each === value} disabled=${!types[each]}>${each}</option>`)}
  </select>`;
}

function Flag({name, option, schema, value, onInput}) {
  const isAlways = schema?.enum?.length === 1;
  return html`<input type="checkbox" aria-label=${`${name} ${option}`} checked=${isAlways || value === true}
    disabled=${isAlways} onChange=${event => onInput(event.target.checked)} />`;
}

function NewField({names, onAdd}) {
  const [typed, setName] = useState('');
  const name = nameOf(typed);
  const isTaken = names.includes(name);
  const add = () => {
    if (!name || isTaken) return;
    onAdd(name);
    setName('');
    document.getElementById('new-field').focus();
  };
  const press = event => {
    if (event.key !== 'Enter') return;
    event.preventDefault(); // it would send the whole form
    add();
  };
  return html`<div class="row new-field"><div class="field">
      <label for="new-field">New field</label>
      <input id="new-field" value=${typed} autocomplete="off" spellcheck=${false}
        onInput=${event => setName(event.target.value)} onKeyDown=${press} aria-describedby="new-field-hint" /></div>
      <button type="button" onClick=${add} disabled=${!name || isTaken}>Add field</button></div>
    <p class="hint" id="new-field-hint">${isTaken ? `There is already a field ${name}.`
      : 'A name has lower-case letters, digits and single underscores, such as birth_day.'}</p>`;
}
