// Filters of a list: they are parameters of the API, and the URL of the page keeps them.
import {html, useLayoutEffect, useState} from './html.js';
import * as datetime from '../fields/datetime.js';
import {Select, TextInput} from './forms.js';
import {setQuery} from './router.js';

// `fields` are [{name, label, options, …}]: `name` is the parameter. A `datetime-local` is in the person's zone.
export function FilterForm({label, query, fields}) {
  const inUrl = Object.fromEntries(fields.map(field => [field.name, shown(field, query.get(field.name))]));
  const [values, setValues] = useState(inUrl);
  useLayoutEffect(() => setValues(inUrl), [JSON.stringify(inUrl)]); // also when the person goes back
  const apply = chosen => setQuery({...chosen, cursor: null});
  const submit = event => {
    event.preventDefault();
    apply(Object.fromEntries(fields.map(field => [field.name, sent(field, values[field.name])])));
  };
  const clear = () => apply(Object.fromEntries(fields.map(({name}) => [name, null])));
  return html`<form role="search" aria-label=${label} class="row filters" onSubmit=${submit}>
    ${fields.map(({name, options, ...rest}) => {
      const input = {...rest, value: values[name], onInput: text => setValues({...values, [name]: text})};
      return options ? html`<${Select} key=${name} options=${[['', 'All'], ...options]} ...${input} />`
        : html`<${TextInput} key=${name} ...${input} />`;
    })}
    <button class="main">Search</button>
    ${Object.values(inUrl).some(Boolean) && html`<button type="button" onClick=${clear}>Clear</button>`}
  </form>`;
}

// The filters of a list that the URL has, as parameters of the API.
export function filtersOf(query, fields) {
  return Object.fromEntries(fields.map(({name}) => [name, query.get(name)]).filter(([, value]) => value));
}

function shown(field, value) {
  return field.type === 'datetime-local' ? datetime.format(value) : value ?? '';
}

function sent(field, value) {
  return field.type === 'datetime-local' ? datetime.parse(value) : value.trim();
}
