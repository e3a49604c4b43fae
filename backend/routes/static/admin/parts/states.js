// What is shown while something is read, when it is empty, and when it failed.
import {html} from './html.js';

// <${Loaded} read=${useRead(…)}>${(data, meta) => …}<//>: the content, or why there is none.
export function Loaded({read, children}) {
  if (read.data !== undefined && !(read.error && !read.isLoading)) {
    return html`<div aria-busy=${read.isLoading}>${children(read.data, read.meta)}</div>`;
  }
  if (read.error) return html`<${Failure} error=${read.error} retry=${read.reload} />`;
  return html`<p class="quiet" role="status">Loading…</p>`;
}

export function Failure({error, retry}) {
  return html`<div class="error" role="alert">
    <p>${error.status === 404 ? 'There is nothing here, or you may not see it.' : error.message}</p>
    ${retry && error.status !== 404 && html`<button onClick=${retry}>Try again</button>`}
  </div>`;
}

// What to do where there is nothing yet.
export function Empty({children}) {
  return html`<div class="empty">${children}</div>`;
}
