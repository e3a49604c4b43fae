// Values in an order, each of which can be moved to the front and removed.
import {html, useLayoutEffect, useRef} from './html.js';

// `texts` are the texts of `values`; onInput gets the new values. Without `isOrdered` their order means nothing.
export function Chips({values, texts, onInput, isOrdered = true}) {
  const focused = useRef(null); // {field, index}: the button that was pressed is gone when the change is drawn
  useLayoutEffect(() => {
    if (focused.current) focusChip(focused.current);
    focused.current = null;
  });
  const keepFocus = ({currentTarget}, index) => {
    focused.current = {field: currentTarget.closest('.field') ?? document, index};
  };
  const remove = (event, index) => {
    keepFocus(event, index);
    onInput(values.filter((_, each) => each !== index));
  };
  const moveForward = (event, index) => {
    keepFocus(event, index - 1);
    const moved = [...values];
    [moved[index - 1], moved[index]] = [moved[index], moved[index - 1]];
    onInput(moved);
  };
  return values.length > 0 && html`<ul class="chips">${values.map((value, index) => html`<li key=${value}>
    ${isOrdered && index > 0 && html`<button type="button" class="plain" aria-label=${`Move ${texts[index]} forward`}
      title="Move forward" onClick=${event => moveForward(event, index)}>←</button>`}
    <span>${texts[index]}</span>
    <button type="button" class="plain" aria-label=${`Remove ${texts[index]}`} title="Remove"
      onClick=${event => remove(event, index)}>×</button>
  </li>`)}</ul>`;
}

// The button of the chip in this place gets the focus, or else the input.
function focusChip({field, index}) {
  const chip = field.querySelectorAll('.chips > li')[index];
  (chip?.querySelector('button') ?? field.querySelector('input, select'))?.focus();
}
