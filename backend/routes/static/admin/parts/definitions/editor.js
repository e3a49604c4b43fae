// The form of a definition and its YAML, side by side: both change the same draft.
import {html, useLayoutEffect, useState} from '../html.js';
import {call} from '../api.js';
import {Action, FormError, TextInput} from '../forms.js';
import {notify} from '../notices.js';
import {useLeavingGuard} from '../router.js';
import {may} from '../session.js';
import {Access} from './access.js';
import {Conflict} from './conflict.js';
import {definitionOf, inOrder, isSame, withName, withOption} from './draft.js';
import {Fields} from './fields.js';
import {Others} from './others.js';
import {Review} from './review.js';
import {YamlEditor} from './yaml_editor.js';
import {readDefinition, toYaml} from './yaml.js';

// The draft with its YAML. A text that is not valid YAML stays in the editor, and the draft as it was.
export function useDraft(start) {
  const [state, setState] = useState(() => ({draft: start, text: toYaml(start), problem: null}));
  const change = changed => {
    const draft = inOrder(changed);
    setState({draft, text: toYaml(draft), problem: null});
  };
  const type = text => setState(former => {
    const {value, problem} = readDefinition(text);
    return problem ? {...former, text, problem} : {draft: value, text, problem: null};
  });
  return {...state, change, type};
}

// `stored` is {definition, etag}, or null for a new resource; `about` is {types, resources, roles}.
// onApplied(definition, etag, {keepsDraft, isSaved}) is called when the definition of the server is another one.
export function Editor({draftState, stored, about, onApplied}) {
  const {draft, text, problem, change, type} = draftState;
  const [view, setView] = useState('form'); // on narrow screens
  const {error, review, dialogs} = useReview({draft, stored, onApplied});
  useLeavingGuard(problem || (stored ? !isSame(draft, stored.definition) : draftState.isChanged));
  const shown = {draft, stored: stored?.definition, change, problemsAt: finder(error?.problems), ...about};
  return html`<div class=${`editor shows-${view}`}>
    <${Views} view=${view} onInput=${setView} />
    <div class="form">
      ${problem && html`<p class="error">Correct the YAML first: the form does not have its last changes.</p>`}
      <div inert=${Boolean(problem)}>
        <${General} shown=${shown} />
        <${Fields} shown=${shown} />
        <${Access} shown=${shown} />
        <${Others} shown=${shown} />
      </div>
    </div>
    <${YamlEditor} text=${text} problem=${problem} onInput=${type} onRestore=${() => change(draft)} />
    ${may('resources:write') && html`<div class="review">
      <${FormError} error=${error} problems=${error?.problems} />
      <div class="actions"><${ReviewButton} isDisabled=${Boolean(problem)} onClick=${review} />
        <span class="hint">Shows what it does. Nothing changes before you apply it.</span></div>
    </div>`}
    ${dialogs}
  </div>`;
}

// Returns a function of a place, such as `fields.title`, to the texts of its problems and of those within it.
function finder(problems = {}) {
  return (place, {exactly = false} = {}) => Object.entries(problems).flatMap(([key, texts]) => {
    if (key === place) return texts;
    return !exactly && key.startsWith(`${place}.`) ? texts.map(each => `${key.slice(place.length + 1)}: ${each}`) : [];
  });
}

function Views({view, onInput}) {
  const button = (name, text) => html`<button type="button" aria-pressed=${view === name}
    onClick=${() => onInput(name)}>${text}</button>`;
  return html`<div class="toggle actions" role="group" aria-label="What is shown">
    ${button('form', 'Form')}${button('yaml', 'YAML')}</div>`;
}

function ReviewButton({isDisabled, onClick}) {
  return isDisabled ? html`<button type="button" class="main" disabled>Review</button>`
    : html`<${Action} class="main" onClick=${onClick}>Review<//>`;
}

// Returns {error, review, dialogs}: review() shows the plan of the draft, and from there it can be applied.
function useReview({draft, stored, onApplied}) {
  const [error, setError] = useState(null);
  const [plan, setPlan] = useState(null);
  const [theirs, setTheirs] = useState(null);
  useLayoutEffect(() => setError(null), [stored?.etag]);
  useLayoutEffect(() => { // the first input with a problem
    if (error) document.querySelector('.editor [aria-invalid=true]')?.focus();
  }, [error]);
  const path = stored && `/resources/${stored.definition.name}`;
  const review = async () => {
    setError(null);
    if (document.querySelector('.editor [data-incomplete]')) {
      setError({message: 'Something is not complete yet, so that it is not part of the definition.'});
      return;
    }
    try {
      setPlan((await call('POST', `${path ?? '/resources'}/plan`, {body: draft})).data);
    } catch (failure) {
      if (!failure.status) throw failure; // the connection is lost
      setError(failure);
    }
  };
  const apply = applier({stored, path, draft, setPlan, setTheirs, onApplied});
  const accept = options => {
    setTheirs(null);
    onApplied(theirs.definition, theirs.etag, options);
  };
  const dialogs = html`${plan && html`<${Review} plan=${plan} name=${stored?.definition.name ?? draft.name}
      isNew=${!stored} onApply=${apply} onClose=${() => setPlan(null)} />`}
    ${theirs && html`<${Conflict} stored=${stored.definition} theirs=${theirs.definition} yours=${draft}
      onKeep=${() => accept({keepsDraft: true})} onTake=${() => accept({})} />`}`;
  return {error, review, dialogs};
}

// Returns the function that applies a plan: a 412 shows what somebody else has done, a 409 the plan as it is now.
function applier({stored, path, draft, setPlan, setTheirs, onApplied}) {
  return async plan => {
    try {
      const answer = stored
        ? await call('PUT', path, {body: draft, headers: {'If-Match': stored.etag},
          query: {confirm: plan.loses_data ? plan.fingerprint : null}})
        : await call('POST', '/resources', {body: draft});
      setPlan(null);
      notify(stored ? 'The definition is changed.' : `The resource ${answer.data.name} is created.`);
      await onApplied(definitionOf(answer.data), answer.etag, {isSaved: true});
    } catch (failure) {
      if (failure.status === 412) {
        const {data, etag} = await call('GET', path);
        setPlan(null);
        setTheirs({definition: definitionOf(data), etag});
      } else {
        if (failure.details?.plan) setPlan({advice: [], ...failure.details.plan});
        throw failure;
      }
    }
  };
}

function General({shown}) {
  const {draft, stored, change, problemsAt} = shown;
  return html`<${TextInput} label="Name" value=${draft.name ?? ''} problems=${problemsAt('name')} spellcheck=${false}
      hint="As it is in the paths of the API: lower-case letters, digits and single underscores, such as team_members."
      autocomplete="off" onInput=${name => change(withName(draft, name, stored))} />
    <${TextInput} label="Description" value=${draft.description ?? ''} problems=${problemsAt('description')}
      onInput=${text => change(withOption(draft, 'description', text))} />`;
}
