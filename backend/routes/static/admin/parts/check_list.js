// A list of names to choose from by checkboxes, such as the roles of an account.
import {html, useId} from './html.js';
import {Checkbox} from './forms.js';

// `options` are [{name, description, isFixed}]: a fixed one stays as it is. `onInput` gets the chosen names, sorted.
export function CheckList({legend, hint, options, value, onInput, problems = []}) {
  const id = useId();
  const toggle = (name, isChosen) => onInput(
    [...new Set(isChosen ? [...value, name] : value.filter(each => each !== name))].sort());
  return html`<fieldset class="choices" aria-describedby=${problems.length ? id : undefined}>
    <legend>${legend}</legend>
    ${hint && html`<p class="hint">${hint}</p>`}
    ${options.map(({name, description, isFixed}) => html`<${Checkbox} key=${name} disabled=${isFixed}
      aria-invalid=${problems.length ? 'true' : undefined} checked=${value.includes(name)}
      onInput=${isChosen => toggle(name, isChosen)}
      label=${html`${name}${description && html`<span class="quiet"> – ${description}</span>`}`} />`)}
    ${problems.length > 0 && html`<ul class="problems" id=${id}>${problems.map(text => html`<li>${text}</li>`)}</ul>`}
  </fieldset>`;
}
