// The profile fields of an account.
import {html} from '../html.js';
import {ApiError} from '../api.js';
import {hintOf} from '../../fields/hints.js';
import {inputOf, typeOf} from '../../fields/index.js';
import {Labelled, problemsAt} from '../forms.js';
import {isSame} from '../record/drafts.js';
import {titleOf} from '../session.js';

// The drafts of a profile: what its inputs have, by field.
export function profileDrafts(fields, profile) {
  return Object.fromEntries(fields.map(field => [
    field.name, typeOf(field).format(profile[field.name] ?? null, field)]));
}

// The values of the drafts that differ from a profile, with null for one that is removed. Throws ApiError.
export function profileChanges(fields, drafts, profile) {
  const former = profileDrafts(fields, profile);
  const changed = fields.filter(({name}) => !isSame(drafts[name], former[name]));
  return Object.fromEntries(changed.map(field => {
    try {
      return [field.name, typeOf(field).parse(drafts[field.name], field)];
    } catch (error) {
      const details = {json: {profile: {[field.name]: [error.message]}}};
      throw new ApiError(422, {message: 'Some values are not valid.', details});
    }
  }));
}

// A field that may not be set is left out.
export function ProfileInputs({fields, drafts, onInput, problems}) {
  return fields.map(field => {
    const Input = inputOf(field);
    const texts = problemsAt(problems, `profile.${field.name}`);
    const type = draft => onInput({...drafts, [field.name]: draft});
    return html`<${Labelled} key=${field.name} label=${titleOf(field.name)} hint=${hintOf(field)} problems=${texts}>
      ${attributes => html`<${Input} ...${{field, problems: texts}} value=${drafts[field.name]} onInput=${type}
        attributes=${{...attributes, name: `profile.${field.name}`}} />`}<//>`;
  });
}
