// A combobox that finds a record by its label: type to search, arrow keys to move, Enter to choose, Escape to close.
import {html, useId, useLayoutEffect, useState} from './html.js';
import {labelOf, read, remember, searchFor, targetNamed} from './labels.js';
import {notifyError} from './notices.js';

const SHOWN = 10;
const PAUSE_MS = 200; // of typing, before a search

// `shown` is the text while nothing is typed: the label of the chosen record. onPick gets an id, or null for none.
export function Picker({name, shown = '', onPick, without = [], attributes}) {
  const [typed, setTyped] = useState(null); // {text, search}: null while the list is closed
  const [active, setActive] = useState(0);
  const listId = useId();
  const {options, isSearching} = useSearch(name, typed?.search ?? null);
  const offered = options.filter(option => !without.includes(option.id));
  const isOpen = typed !== null;
  const open = () => isOpen || setTyped({text: shown, search: ''});
  const close = () => setTyped(null);
  const pick = option => {
    remember(name, [option]);
    onPick(option.id);
    close();
  };
  const type = ({target: {value: text}}) => {
    setTyped({text, search: text});
    setActive(0);
    if (!text && shown) onPick(null);
  };
  // While it is searched, the options are those of the text before.
  const choose = () => !isSearching && offered[active] && pick(offered[active]);
  const move = step => offered.length && setActive((active + step + offered.length) % offered.length);
  const press = event => keys({event, isOpen, open, close, move, choose});
  const click = event => {
    open();
    event.target.select();
  };
  return html`<div class="picker">
    <input ...${attributes} role="combobox" aria-expanded=${isOpen} aria-controls=${listId} aria-autocomplete="list"
      aria-activedescendant=${isOpen && offered[active] ? `${listId}-${active}` : undefined} autocomplete="off"
      spellcheck=${false} placeholder="Type to search" value=${typed?.text ?? shown} onInput=${type} onKeyDown=${press}
      onBlur=${close} onClick=${click} />
    <${Options} id=${listId} target=${targetNamed(name)} options=${offered} ...${{isOpen, isSearching, active, pick}} />
  </div>`;
}

function keys({event, isOpen, open, close, move, choose}) {
  const step = {ArrowDown: 1, ArrowUp: -1}[event.key];
  const act = step ? () => (isOpen ? move(step) : open()) : isOpen && {Enter: choose, Escape: close}[event.key];
  if (!act) return;
  event.preventDefault();
  event.stopPropagation();
  act();
}

function Options({id, target, isOpen, isSearching, options, active, pick}) {
  const note = isSearching ? 'Searching…' : options.length ? `${options.length} found` : 'Nothing found';
  return html`<ul id=${id} role="listbox" aria-label="Records" hidden=${!isOpen || !options.length}>
      ${options.map((option, index) => html`<li key=${option.id} id=${`${id}-${index}`} role="option"
        aria-selected=${index === active} onMouseDown=${event => { event.preventDefault(); pick(option); }}>
        ${labelOf(target, option)}</li>`)}
    </ul>
    <p role="status" class=${isOpen && !options.length ? 'hint' : 'hidden-text'}>${isOpen && note}</p>`;
}

function useSearch(name, text) {
  const [found, setFound] = useState({options: [], isSearching: false});
  useLayoutEffect(() => { // before Enter could choose what an earlier text has found
    if (text === null) {
      setFound({options: [], isSearching: false});
      return undefined;
    }
    const query = searchFor(targetNamed(name), text);
    setFound(({options}) => ({options: query ? options : [], isSearching: query !== null}));
    if (!query) return undefined;
    const controller = new AbortController();
    const search = () => read(name, {...query, per_page: SHOWN}, controller.signal).then(
      options => setFound({options, isSearching: false}),
      error => {
        if (error.name === 'AbortError') return;
        setFound({options: [], isSearching: false});
        if (error.status) notifyError(error); // a lost connection is said already
      });
    const timer = setTimeout(search, text ? PAUSE_MS : 0);
    return () => {
      clearTimeout(timer);
      controller.abort();
    };
  }, [name, text]);
  return found;
}
