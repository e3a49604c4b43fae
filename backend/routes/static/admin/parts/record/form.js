// The form of a record: its fields in their order, those that cannot be set as texts. Other things that are changed
// like a record, such as webhooks, have inputs of their own.
import {html, useLayoutEffect, useRef} from '../html.js';
import {FormError, Labelled, problemsAt, refuseIncomplete, useSubmit} from '../forms.js';
import {hintOf} from '../../fields/hints.js';
import {inputOf} from '../../fields/index.js';
import {useLeavingGuard} from '../router.js';
import {titleOf} from '../session.js';
import {Value} from './about.js';
import {Conflict} from './conflict.js';
import {useSaving} from './saving.js';

// `record` is null for a new one. `settable` are the fields with a control. onSaved gets {record, etag}. `Inputs` draws
// the controls of {resource, record, settable, drafts, problems, onInput(name, draft)}.
export function RecordForm({resource, record: read, etag, settable, onSaved, Inputs = Fields}) {
  const form = useRef(null);
  const saving = useSaving({resource, record: read, etag, settable, onSaved});
  const {record, former, drafts, changed, conflict, type} = saving;
  const {isSending, problems, error, onSubmit} = useSubmit(async () => {
    refuseIncomplete(form.current);
    await saving.save();
  });
  const choose = chosen => {
    saving.resolve(chosen);
    setTimeout(() => form.current.requestSubmit()); // when the choice is drawn
  };
  useLayoutEffect(() => { // what no field says, which may be far from where somebody types
    const isSaid = form.current?.querySelector('[aria-invalid=true]');
    if (error && !isSaid) form.current?.querySelector('[role=alert]')?.scrollIntoView({block: 'nearest'});
  }, [error]);
  useLeavingGuard(changed.length > 0);
  useSaveKey(form);
  return html`<form ref=${form} onSubmit=${onSubmit} noValidate autocomplete="off">
      <${Inputs} ...${{resource, record, settable, drafts, problems}} onInput=${type} />
      <${FormError} error=${error} problems=${problems} shown=${settable.map(field => field.name)} />
      ${settable.length > 0 && html`<div class="actions">
        <button class="main" aria-disabled=${isSending} title="Ctrl+S">Save</button>
        ${changed.length > 0 && html`<span class="quiet">Not saved yet</span>`}
      </div>`}
    </form>
    ${conflict && html`<${Conflict} fields=${settable.filter(field => field.readable)} theirs=${conflict}
      ...${{former, drafts}} onChoose=${choose} onClose=${saving.cancel} />`}`;
}

function useSaveKey(form) {
  useLayoutEffect(() => {
    const press = event => {
      if (event.key.toLowerCase() !== 's' || !(event.ctrlKey || event.metaKey) || event.altKey) return;
      event.preventDefault();
      if (!document.querySelector('dialog[open]')) form.current?.querySelector('button.main')?.click();
    };
    addEventListener('keydown', press);
    return () => removeEventListener('keydown', press);
  }, []);
}

function Fields({resource, record, settable, drafts, problems, onInput}) {
  const names = new Set(settable.map(field => field.name));
  return resource.fields.filter(field => !field.system).map(field => {
    if (names.has(field.name)) {
      return html`<${FieldInput} key=${field.name} field=${field} value=${drafts[field.name]} isNew=${!record}
        problems=${problemsAt(problems, field.name)} onInput=${draft => onInput(field.name, draft)} />`;
    }
    return record && field.readable && html`<${Value} key=${field.name} field=${field} record=${record} />`;
  });
}

function FieldInput({field, value, isNew, problems, onInput}) {
  const Input = inputOf(field);
  return html`<${Labelled} label=${titleOf(field.name)} required=${field.required} problems=${problems}
    hint=${hintOf(field, isNew)}>${attributes => html`
      <${Input} ...${{field, value, onInput, problems}} attributes=${{...attributes, name: field.name}} />`}
  <//>`;
}
