// The plan of a change, which is shown before it is applied.
import {html, useState} from '../html.js';
import {countText} from '../amounts.js';
import {Dialog} from '../dialogs.js';
import {FormError, TextInput, useSubmit} from '../forms.js';
import {BASE} from '../place.js';

// `plan` is what the API says; onApply(plan) must return a promise. `name` is typed where data is lost.
export function Review({plan, name, isNew, onApply, onClose}) {
  const [typed, setTyped] = useState('');
  const {isSending, error, onSubmit} = useSubmit(() => onApply(plan));
  const isConfirmed = !plan.loses_data || typed === name;
  const button = isNew ? 'Create' : plan.loses_data ? 'Apply and lose data' : 'Apply';
  const isApplicable = plan.possible && plan.steps.length > 0;
  const submit = event => (isConfirmed ? onSubmit(event) : event.preventDefault());
  return html`<${Dialog} title=${isNew ? `Create ${name}?` : `Change ${name}?`} wide=${true} onClose=${onClose}>
    <form onSubmit=${submit}>
      ${plan.steps.length ? html`<p>${isNew ? 'This happens:' : 'These steps happen together, or none of them:'}</p>
        <ol class="steps">${plan.steps.map(step => html`<li key=${step.text}><${Step} step=${step} /></li>`)}</ol>`
      : html`<p>This changes nothing.</p>`}
      ${plan.advice.length > 0 && html`<h3>Advice</h3><ul>${plan.advice.map(text => html`<li>${text}</li>`)}</ul>`}
      ${!plan.possible && html`<p class="error" role="alert">
        Existing records prevent this. Change them first, or the definition.</p>`}
      ${isApplicable && plan.loses_data && html`<p class="wrong">This loses data, which only a backup brings back.</p>
        <${TextInput} label=${`Type ${name} to confirm`} value=${typed} onInput=${setTyped} autocomplete="off" />`}
      <${FormError} error=${error} />
      <div class="actions">
        <button type="button" onClick=${onClose}>${isApplicable ? 'Cancel' : 'Close'}</button>
        ${isApplicable && html`<button class=${plan.loses_data ? 'danger' : 'main'}
          disabled=${!isConfirmed} aria-disabled=${isSending}>${button}</button>`}
      </div>
    </form>
  <//>`;
}

function Step({step}) {
  const records = countText(step.records, 'record');
  const mark = step.impossible ? `Not possible because of ${records}.`
    : step.loses_data && `Loses data in ${records}.`;
  return html`${step.text}${mark && html` <strong class="wrong">${mark}</strong>`}
    ${mark && step.ids.length > 0 && html`<p class="hint">For example ${step.ids.map((id, index) => html`
      ${index ? ', ' : ''}<a href=${`${BASE}/admin/records/${step.resource}/${id}`}
        target="_blank" rel="noopener">${id.slice(-8)}</a>`)}</p>`}`;
}
