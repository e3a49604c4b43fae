// The table of a list.
import {html} from '../html.js';
import {cellOf, typeOf} from '../../fields/index.js';
import {labelOf} from '../labels.js';
import {Link, navigate} from '../router.js';
import {titleOf} from '../session.js';
import {changeList} from './query.js';

const LONGEST = 100; // characters of a label

// `selection` is that of useSelection; null without the checkboxes.
export function Table({resource, columns, records, sort, selection}) {
  return html`<div class="scroll" tabindex="0" role="region" aria-label=${titleOf(resource.name)}>
    <table class="records">
      <thead><tr>
        ${selection && html`<th scope="col"><${PageCheckbox} records=${records} selection=${selection} /></th>`}
        ${columns.map(field => html`<${Heading} key=${field.name} field=${field} sort=${sort} />`)}
      </tr></thead>
      <tbody>${records.map(record => html`<${Row} key=${record.id} resource=${resource} columns=${columns}
        record=${record} selection=${selection} />`)}</tbody>
    </table>
  </div>`;
}

function Heading({field, sort}) {
  const {name, sortable} = field;
  const [first] = (sort ?? '').split(',');
  const direction = first === name ? 'ascending' : first === `-${name}` ? 'descending' : undefined;
  const next = {ascending: `-${name}`, descending: null}[direction] ?? (direction ? null : name);
  const mark = {ascending: ' ▲', descending: ' ▼'}[direction];
  return html`<th scope="col" class=${typeOf(field).isNumber ? 'number' : ''} aria-sort=${direction}>${sortable
    ? html`<button type="button" onClick=${() => changeList({sort: next})}>${titleOf(name)}${mark && html`
      <span aria-hidden="true">${mark}</span>`}</button>`
    : titleOf(name)}</th>`;
}

function Row({resource, columns, record, selection}) {
  const to = `/admin/records/${resource.name}/${record.id}`;
  const [label, ...others] = columns;
  const open = event => {
    const isElsewhere = event.target.closest('a, button, input') || !getSelection().isCollapsed;
    if (!isElsewhere && !(event.ctrlKey || event.metaKey || event.shiftKey)) navigate(to);
  };
  return html`<tr onClick=${open}>
    ${selection && html`<td class="choice"><input type="checkbox" checked=${selection.chosen.has(record.id)}
      aria-label=${`Select ${labelOf(resource, record)}`}
      onChange=${event => selection.set([record], event.target.checked)}
      /></td>`}
    <th scope="row"><${Link} to=${to}>${shorten(labelOf(resource, record))}<//></th>
    ${others.map(field => html`<td key=${field.name} class=${typeOf(field).isNumber ? 'number' : ''}>
      ${cellOf(field)(record[field.name], field, record)}</td>`)}
  </tr>`;
}

function shorten(text) {
  return text.length > LONGEST ? `${text.slice(0, LONGEST)}…` : text;
}

function PageCheckbox({records, selection}) {
  const count = records.filter(({id}) => selection.chosen.has(id)).length;
  const isPart = count > 0 && count < records.length;
  return html`<input type="checkbox" aria-label="Select this page" checked=${count > 0 && !isPart}
    indeterminate=${isPart}
    onChange=${event => selection.set(records, event.target.checked)} />`;
}
