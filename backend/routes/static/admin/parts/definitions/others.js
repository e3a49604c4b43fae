// The parts of a definition beside its fields and access.
import {html} from '../html.js';
import {Checkbox, Select} from '../forms.js';
import {withOption} from './draft.js';
import {Problems} from './fields.js';
import {LinesInput, NumberInput, ParsedInput, YamlInput} from './inputs.js';
import {isTextual} from './types.js';

export function Others({shown}) {
  const {draft, types, change, problemsAt} = shown;
  const set = (part, value) => change(withOption(draft, part, value));
  const common = part => ({value: draft[part], problems: problemsAt(part), onInput: value => set(part, value)});
  const texts = Object.keys(draft.fields ?? {}).filter(name => isTextual(types[draft.fields[name].type]));
  return html`<section aria-labelledby="others"><h2 id="others">Lists and search</h2>
    <${Select} label="Label" hint="The field that is shown for a record where another one refers to it."
      ...${common('label')} value=${draft.label ?? ''} options=${[['', 'The first text that fits'], ...texts]} />
    <${Search} texts=${texts} chosen=${draft.search ?? []} ...${common('search')} />
    <${FieldSets} label="Indexes" ...${common('indexes')} hint=${'Fields that lists are filtered or sorted by together,'
      + ' one index a line: status, -due. A - before a name is for a descending order.'} />
    <${FieldSets} label="Unique together" hint="Fields whose values together must be unique, one set a line."
      ...${common('unique')} />
    <${LinesInput} label="Filters" hint="Fields of related records to filter and sort by, one a line: country.code."
      ...${common('filters')} />
    <h2>Rules for all records</h2>
    <${YamlInput} label="Checks"
      hint="Conditions that each record must meet, by name: dates: {ends: {gte: {field: starts}}}"
      ...${common('checks')} />
    <${Flag} label="Keep every version of a record" ...${common('history')} />
    <${Flag} label="List changes of records in the feed" ...${common('feed')} />
    <${Flag} label="Refuse changes without If-Match, so that no change is lost"
      ...${common('require_if_match')} />
    <${NumberInput} label="Seconds in caches" hint="How long browsers and proxies may keep what everybody may read."
      ...${common('cache_seconds')} />
    <${Select} label="When the owner is deleted" ...${common('on_owner_delete')} value=${draft.on_owner_delete ?? ''}
      options=${[['', 'Keep their records without an owner'], ['cascade', 'Delete their records'],
        ['restrict', 'Refuse to delete a user who owns records']]} />
  </section>`;
}

function Flag({label, value, problems, onInput}) {
  return html`<${Checkbox} label=${label} checked=${value === true} onInput=${onInput} />
    <${Problems} texts=${problems} />`;
}

function Search({texts, chosen, problems, onInput}) {
  const all = [...new Set([...texts, ...chosen])];
  return html`<fieldset><legend>Full-text search</legend>
    ${all.length ? all.map(name => html`<${Checkbox} key=${name} label=${name} checked=${chosen.includes(name)}
      onInput=${isOn => onInput(isOn ? [...chosen, name] : chosen.filter(each => each !== name))} />`)
    : html`<p class="hint">Add a field with text to search it.</p>`}
    <${Problems} texts=${problems} />
  </fieldset>`;
}

// Sets with a rule are kept, and changed in the YAML.
function FieldSets({value = [], onInput, hint, ...rest}) {
  const ruled = value.filter(set => !Array.isArray(set));
  const more = ruled.length ? ` ${ruled.length} more with a rule: see the YAML.` : '';
  return html`<${ParsedInput} ...${rest} rows=${3} hint=${hint + more} value=${value.filter(Array.isArray)}
    format=${sets => sets.map(set => set.join(', ')).join('\n')} read=${text => ({value: setsOf(text)})}
    onInput=${sets => onInput([...sets, ...ruled])} />`;
}

function setsOf(text) {
  const sets = text.split('\n').map(line => line.split(',').map(term => term.trim()).filter(Boolean));
  return sets.filter(terms => terms.length);
}
