// Values of a record that are only shown.
import {html} from '../html.js';
import {wholeOf} from '../../fields/index.js';
import {titleOf} from '../session.js';

export function Value({field, record}) {
  return html`<dl class="field"><dt>${titleOf(field.name)}</dt>
    <dd>${wholeOf(field)(record[field.name], field, record)}</dd></dl>`;
}

// The system fields: who made the record and when.
export function About({resource, record}) {
  const fields = resource.fields.filter(field => field.system);
  return html`<details><summary>About this record</summary>
    ${fields.map(field => html`<${Value} key=${field.name} field=${ofUser(field)} record=${record} />`)}</details>`;
}

// `created_by` is the id of a user, although it is no reference.
export function ofUser(field) {
  return field.name === 'created_by' ? {...field, type: 'reference', to: 'users', to_label: 'label'} : field;
}
