// The pages of a list, and how many records it has.
import {html, useLayoutEffect, useRef, useState} from '../html.js';
import {call} from '../api.js';
import {countText} from '../amounts.js';
import {Action} from '../forms.js';
import {setQuery} from '../router.js';
import {changeList, hasNumberedPages, PAGE_SIZES, pagesBefore, selectionOf} from './query.js';

export function Pager({resource, shown, meta, count}) {
  const {back, onward} = hasNumberedPages(shown) ? numberedPages(shown, meta) : cursorPages(shown, meta);
  const choose = event => changeList({per_page: event.target.value}, {replace: true});
  return html`<nav class="pager" aria-label="Pages">
    <button type="button" aria-disabled=${!back} onClick=${back}>${back?.title ?? 'Previous'}</button>
    <button type="button" aria-disabled=${!onward} onClick=${onward}>Next</button>
    <span role="status">${rangeOf(shown, count)}</span>
    <${Count} key=${JSON.stringify(selectionOf(shown))} resource=${resource} shown=${shown}
      known=${onward ? meta : {...meta, ...totalAtEnd(shown, count)}} />
    <label>Per page <select onChange=${choose}>${PAGE_SIZES.map(size => html`
      <option value=${size} selected=${size === shown.perPage}>${size}</option>`)}</select></label>
  </nav>`;
}

function numberedPages({page}, {pages}) {
  const show = next => () => turn({page: next === 1 ? null : next});
  return {back: page > 1 && show(page - 1), onward: page < pages && show(page + 1)};
}

// A page knows the cursor of the next one only, so the way back is that of the browser.
function cursorPages(shown, {next_cursor: next}) {
  const before = pagesBefore(shown);
  const first = Object.assign(() => turn({cursor: null}), {title: 'First page'});
  const former = () => { history.back(); scrollTo({top: 0}); };
  const state = before === null ? null : {pagesBefore: before + 1};
  return {back: before === null ? first : before > 0 && former, onward: next && (() => turn({cursor: next}, {state}))};
}

function turn(changes, options) {
  setQuery(changes, options);
  scrollTo({top: 0});
}

function rangeOf(shown, count) {
  const before = hasNumberedPages(shown) ? shown.page - 1 : pagesBefore(shown);
  if (before === null || !count) return '';
  const first = before * shown.perPage;
  return `${(first + 1).toLocaleString()} to ${(first + count).toLocaleString()}`;
}

// The last page says how many records there are, if the pages before it are known.
function totalAtEnd(shown, count) {
  const before = pagesBefore(shown);
  return before !== null && !hasNumberedPages(shown) ? {total: before * shown.perPage + count} : {};
}

// Counting takes time in a long list, so it is done when somebody asks.
function Count({resource, shown, known}) {
  const [counted, setCounted] = useState({});
  const text = useRef(null);
  useLayoutEffect(() => { // the button that had the focus is gone
    if (counted.total !== undefined && document.activeElement === document.body) text.current.focus();
  }, [counted]);
  const {total = null, total_is_at_least: minimum = null} = counted.total === undefined ? known : counted;
  const count = async () => {
    const query = {...selectionOf(shown), per_page: 1, fields: 'id'};
    setCounted((await call('GET', `/${resource.name}`, {query})).meta);
  };
  const countExactly = async () => {
    const {data} = await call('GET', `/${resource.name}/aggregate`, {query: selectionOf(shown)});
    setCounted({total: data[0]?.count ?? 0});
  };
  const status = {ref: text, tabindex: -1, role: 'status'};
  if (total !== null) return html`<span ...${status}>of ${countText(total, 'record')}</span>`;
  if (minimum === null) return html`<${Action} onClick=${count}>Count<//>`;
  return html`<span ...${status}>of more than ${countText(minimum, 'record')}</span>
    ${resource.actions.aggregate && html`<${Action} onClick=${countExactly}>Count exactly<//>`}`;
}
