// Parts of forms: each input has a label, and its problems are beside it and linked to it.
import {html, useEffect, useId, useLayoutEffect, useRef, useState} from './html.js';
import {ApiError, session} from './api.js';
import {notifyError} from './notices.js';

// <${Labelled} label="Name" problems=${[…]} hint="…">${attributes => html`<input ...${attributes} …/>`}<//>
export function Labelled({label, hint, problems = [], required = false, children}) {
  const id = useId();
  const notes = [hint && `${id}-hint`, problems.length && `${id}-problems`].filter(Boolean).join(' ');
  const attributes = {id, 'aria-describedby': notes || undefined, 'aria-invalid': problems.length ? 'true' : undefined};
  return html`<div class="field">
    <label for=${id}>${label}${required && html`<span class="quiet"> (required)</span>`}</label>
    ${children(attributes)}
    ${hint && html`<p class="hint" id=${`${id}-hint`}>${hint}</p>`}
    ${problems.length > 0 && html`<ul class="problems" id=${`${id}-problems`}>
      ${problems.map(problem => html`<li>${problem}</li>`)}</ul>`}
  </div>`;
}

// A text input with its label: <${TextInput} label="E-mail" type="email" value onInput=${text => …} …/>
export function TextInput({label, hint, problems, value, onInput, ...rest}) {
  return html`<${Labelled} label=${label} hint=${hint} problems=${problems}>${attributes => html`
    <input ...${attributes} ...${rest} value=${value} onInput=${event => onInput(event.target.value)} />`}
  <//>`;
}

export function Select({label, hint, problems, value, onInput, options, ...rest}) {
  return html`<${Labelled} label=${label} hint=${hint} problems=${problems}>${attributes => html`
    <select ...${attributes} ...${rest} onChange=${event => onInput(event.target.value)}>
      ${options.map(option => {
        const [key, text] = Array.isArray(option) ? option : [option, option];
        return html`<option value=${key} selected=${key === value}>${text}</option>`;
      })}
    </select>`}
  <//>`;
}

export function Checkbox({label, checked, onInput, ...rest}) {
  return html`<label class="check"><input type="checkbox" checked=${checked} ...${rest}
    onChange=${event => onInput(event.target.checked)} /> ${label}</label>`;
}

const READY = {isSending: false, problems: {}, error: null};

// Send a form: `submit()` must return a promise. Returns {isSending, problems, error, onSubmit}.
// `problems` are those of a 422, by field; any other error is shown as it is. The button of the form is
// `aria-disabled=${isSending}`: one that is disabled would lose the focus.
export function useSubmit(submit) {
  const [state, setState] = useState(READY);
  const form = useRef(null);
  const onSubmit = async event => {
    event?.preventDefault();
    form.current = event?.currentTarget ?? null;
    if (state.isSending) return;
    setState({...READY, isSending: true});
    try {
      await submit();
      setState(READY);
    } catch (error) {
      const problems = error instanceof ApiError ? error.problems : {};
      setState({isSending: false, problems, error});
      if (!(error instanceof ApiError)) notifyError(error);
    }
  };
  useLayoutEffect(() => { // the first field with a problem gets the focus
    if (state.error) form.current?.querySelector('[aria-invalid=true]')?.focus();
  }, [state.error]);
  useEffect(() => session.subscribe(next => next === 'open'
    && setState(former => (former.error?.status === 401 ? READY : former))), []);
  return {...state, onSubmit};
}

// What is wrong with a form as a whole: its error, and problems of fields that it does not show.
export function FormError({error, problems = {}, shown = []}) {
  if (!error) return null;
  const others = Object.entries(problems).filter(([field]) => !shown.some(each => field === each
    || field.startsWith(`${each}.`)));
  return html`<div class="error" role="alert">
    <p>${error.message}</p>
    ${others.length > 0 && html`<ul>${others.map(([field, texts]) => html`
      <li>${field && html`<code>${field}</code>: `}${texts.join(' ')}</li>`)}</ul>`}
  </div>`;
}

// A button that does something, and nothing more until that is done. It keeps the focus:
// <${Action} onClick=${async () => …}>…<//>
export function Action({onClick, children, ...rest}) {
  const [isBusy, setBusy] = useState(false);
  const run = async () => {
    if (isBusy) return;
    setBusy(true);
    try {
      await onClick();
    } catch (error) {
      notifyError(error);
    } finally {
      setBusy(false);
    }
  };
  return html`<button type="button" aria-disabled=${isBusy} aria-busy=${isBusy} ...${rest} onClick=${run}>
    ${children}</button>`;
}

// Throw ApiError if a control has a text that it cannot read, such as a date without its year.
export function refuseIncomplete(form) {
  const incomplete = [...form.elements].filter(element => element.name && element.validity.badInput);
  refuse(Object.fromEntries(incomplete.map(({name}) => [name, ['This is not complete.']])));
}

// Throw ApiError with these problems by field, as if the API had found them; none if there are none.
export function refuse(problems) {
  if (Object.keys(problems).length) {
    throw new ApiError(422, {message: 'Some values are not valid.', details: {json: problems}});
  }
}

// The texts of the problems of a field; those of a part of its value say of which.
export function problemsAt(problems, name) {
  return Object.entries(problems).flatMap(([path, texts]) => {
    if (path === name) return texts;
    if (!path.startsWith(`${name}.`)) return [];
    const part = path.slice(name.length + 1);
    return texts.map(text => `${/^\d+$/.test(part) ? `Value ${Number(part) + 1}` : part}: ${text}`);
  });
}
