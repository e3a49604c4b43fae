// A combobox that finds a record by its label: type to search, arrow keys to move, Enter to choose, Escape to close.
import {html, useEffect, useId, useState} from './html.js';
import {labelOf, read, remember, searchFor, targetNamed} from './labels.js';
import {notifyError} from './notices.js';

const SHOWN = 10;
const PAUSE_MS = 200; // of typing, before a search

// `shown` is the text while nothing is typed: the label of the chosen record. onPick gets an id, or null for none.
export function Picker({name, shown = '', onPick, without = [], attributes}) {
  const [text, setText] = useState(null); // null: nothing is typed
  const [active, setActive] = useState(0);
  const listId = useId();
  const {options, isSearching} = useSearch(name, text);
  const offered = options.filter(option => !without.includes(option.id));
  const close = () => setText(null);
  const pick = option => {
    remember(name, [option]);
    onPick(option.id);
    close();
  };
  const type = event => {
    setText(event.target.value);
    setActive(0);
    if (!event.target.value && shown) onPick(null);
  };
  const press = event => keys({event, text, setText, active, setActive, offered, pick, close});
  const isOpen = text !== null;
  const chosen = isOpen && offered[active];
  return html`<div class="picker">
    <input ...${attributes} role="combobox" aria-expanded=${isOpen} aria-controls=${listId} aria-autocomplete="list"
      aria-activedescendant=${chosen ? `${listId}-${active}` : undefined} autocomplete="off" spellcheck=${false}
      placeholder="Type to search" value=${text ?? shown} onInput=${type} onKeyDown=${press} onBlur=${close}
      onClick=${() => !isOpen && setText('')} />
    <${Options} id=${listId} target=${targetNamed(name)} isOpen=${isOpen} isSearching=${isSearching} options=${offered}
      active=${active} pick=${pick} />
  </div>`;
}

function keys({event, text, setText, active, setActive, offered, pick, close}) {
  const isOpen = text !== null;
  const step = {ArrowDown: 1, ArrowUp: -1}[event.key];
  if (step) {
    event.preventDefault();
    if (!isOpen) setText('');
    else if (offered.length) setActive((active + step + offered.length) % offered.length);
  } else if (event.key === 'Enter' && isOpen) {
    event.preventDefault();
    if (offered[active]) pick(offered[active]);
  } else if (event.key === 'Escape' && isOpen) {
    event.preventDefault();
    event.stopPropagation();
    close();
  }
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
  useEffect(() => {
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
        notifyError(error);
      });
    const timer = setTimeout(search, text ? PAUSE_MS : 0);
    return () => {
      clearTimeout(timer);
      controller.abort();
    };
  }, [name, text]);
  return found;
}
