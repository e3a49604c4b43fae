// The pages of a list by their cursors. The URL keeps the cursor, and its state those of the pages before.
import {html} from './html.js';
import {place, setQuery} from './router.js';

export function Pager({query, meta}) {
  const cursor = query.get('cursor');
  const before = place.get().state?.before ?? [];
  if (!cursor && !meta.next_cursor) return null;
  const show = (next, state) => {
    setQuery({cursor: next}, {state});
    document.getElementById('content').focus();
    scrollTo(0, 0);
  };
  const showFormer = () => show(before.at(-1), {before: before.slice(0, -1)}); // without a state, the first page
  const showNext = () => show(meta.next_cursor, {before: [...before, cursor]});
  return html`<nav aria-label="Pages" class="actions">
    <button type="button" disabled=${!cursor} onClick=${showFormer}>Previous page</button>
    <button type="button" disabled=${!meta.next_cursor} onClick=${showNext}>Next page</button>
  </nav>`;
}
