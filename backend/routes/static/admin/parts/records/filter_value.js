// The values of a filter, as people know them.
import {html} from '../html.js';
import {useLabels} from '../labels.js';
import {Time} from '../times.js';

export function FilterValue({field, values}) {
  if (field?.to) return html`<${Labels} name=${field.to} ids=${values} />`;
  if (field?.type === 'datetime') {
    return values.map((value, index) => html`${index > 0 && ', '}<${Time} value=${value} />`);
  }
  if (field?.type === 'boolean') return values[0] === 'true' ? 'Yes' : 'No';
  return values.join(', ');
}

function Labels({name, ids}) {
  const label = useLabels(name, ids);
  return ids.map(label).join(', ');
}
