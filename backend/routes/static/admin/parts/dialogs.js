// Dialogs: the browser keeps the focus within them, and returns it when they are closed.
import {html, useId, useLayoutEffect, useRef, useState} from './html.js';
import {makeStore, useStore} from './store.js';

// <${Dialog} title="…" onClose=${…}>…<//>: shown as long as it is drawn. Escape calls onClose.
export function Dialog({title, onClose, wide = false, children}) {
  const element = useRef(null);
  const titleId = useId();
  useLayoutEffect(() => {
    const dialog = element.current;
    dialog.showModal();
    return () => dialog.close(); // the browser returns the focus, as long as the dialog is in the page
  }, []);
  const cancel = event => {
    event.preventDefault();
    onClose?.();
  };
  return html`<dialog ref=${element} class=${wide ? 'wide' : ''} aria-labelledby=${titleId} onCancel=${cancel}>
    <h2 id=${titleId}>${title}</h2>
    ${children}
  </dialog>`;
}

const question = makeStore(null);

// Ask whether to do something; returns a promise of true or false.
// With `typed`, the person must type this text first: for what cannot be undone.
export function ask({title, text, action = 'OK', isDangerous = false, typed = null}) {
  question.get()?.resolve(false); // the page asks one question at a time
  return new Promise(resolve => question.set({title, text, action, isDangerous, typed, resolve}));
}

export function Question() {
  const asked = useStore(question);
  return asked && html`<${Asked} key=${asked.title} ...${asked} />`;
}

function Asked({title, text, action, isDangerous, typed, resolve}) {
  const [entered, setEntered] = useState('');
  const answer = value => {
    question.set(null);
    resolve(value);
  };
  const submit = event => {
    event.preventDefault();
    if (!typed || entered === typed) answer(true);
  };
  return html`<${Dialog} title=${title} onClose=${() => answer(false)}>
    <form onSubmit=${submit}>
      <p>${text}</p>
      ${typed && html`<label>Type <strong>${typed}</strong> to confirm
        <input value=${entered} onInput=${event => setEntered(event.target.value)} autocomplete="off" /></label>`}
      <div class="actions">
        <button type="button" onClick=${() => answer(false)}>Cancel</button>
        <button class=${isDangerous ? 'danger' : 'main'} disabled=${typed && entered !== typed}>${action}</button>
      </div>
    </form>
  <//>`;
}
