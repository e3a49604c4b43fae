// Whether an empty text or list is a value, or there is none: null.
import {html} from '../parts/html.js';
import {Checkbox} from '../parts/forms.js';
import {titleOf} from '../parts/session.js';

// `draft` is null, or empty. It is shown where both are possible,
// and the stored one is known.
export function NoValue({field, draft, empty, onInput}) {
  const isEmpty = draft === null || draft.length === 0;
  return field.nullable && field.readable && isEmpty && html`<${Checkbox} label="No value" checked=${draft === null}
    aria-label=${`No value for ${titleOf(field.name)}`} onInput=${checked => onInput(checked ? null : empty)} />`;
}
