// Short messages about what was done; screen readers speak them.
import {html} from './html.js';
import {makeStore, useStore} from './store.js';

const SHOWN_MS = 6000;
const notices = makeStore([]);
let number = 0;

// Show a message for some seconds; an error stays until it is closed.
export function notify(text, {isError = false} = {}) {
  const notice = {id: ++number, text, isError};
  notices.set([...notices.get(), notice]);
  if (!isError) setTimeout(() => dismiss(notice), SHOWN_MS);
}

export function notifyError(error) {
  notify(error.message, {isError: true});
}

function dismiss(notice) {
  notices.set(notices.get().filter(each => each !== notice));
}

export function Notices() {
  const shown = useStore(notices);
  return html`<div class="notices">
    <div role="status">${shown.filter(each => !each.isError).map(show)}</div>
    <div role="alert">${shown.filter(each => each.isError).map(show)}</div>
  </div>`;
}

function show(notice) {
  return html`<p key=${notice.id} class=${notice.isError ? 'notice wrong' : 'notice'}>
    <span>${notice.text}</span>
    <button class="plain" aria-label="Close message" onClick=${() => dismiss(notice)}>×</button>
  </p>`;
}
